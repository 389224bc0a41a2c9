//! Subscribes to changes of a shop's catalogue, prints each delivery until Ctrl-C, then unsubscribes.
//!
//! `cargo run -p shopify-client --example watch_webhooks -- SHOP URL LISTEN [ENDPOINT] < secrets.txt`
//!
//! `URL` is where Shopify reaches this program: https, from a tunnel for instance. `LISTEN` is the address behind it, such
//! as `127.0.0.1:5001`. `ENDPOINT` is another endpoint than Shopify's, such as `http://127.0.0.1:9292/{shop}`, a
//! simulator's, which also delivers to `http://127.0.0.1:5001/`. `secrets.txt` holds the access token, the client secret,
//! and during a rotation the secret before it, each on a line.

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use secrecy::SecretString;
use shopify_client::model::NewSubscription;
use shopify_client::webhook::{Payload, Topic, Verifier, WebhookError};
use shopify_client::{Client, Endpoint, Gid, ShopClient, ShopDomain, StaticToken};
use tokio::net::TcpListener;

/// The topics to subscribe to.
const TOPICS: [Topic; 7] = [
    Topic::ProductsCreate,
    Topic::ProductsUpdate,
    Topic::ProductsDelete,
    Topic::InventoryLevelsUpdate,
    Topic::CollectionsUpdate,
    Topic::DiscountsUpdate,
    Topic::AppUninstalled,
];

/// Receives deliveries. `report` must return quickly: Shopify waits five seconds. If your program does more, let it store
/// the delivery, respond, and process it afterwards.
pub(crate) fn receiver(
    verifier: Verifier,
    report: impl Fn(String) + Send + Sync + 'static,
) -> Router {
    let take = move |headers: &HeaderMap, body: &Bytes| {
        let delivery = match verifier.verify_headers(headers, body) {
            Ok(delivery) => delivery,
            Err(error @ (WebhookError::MissingSignature | WebhookError::WrongSignature)) => {
                // The reason is for the operator; the sender gets only a 401. A service should limit these calls: each
                // computes dozens of signatures, and anyone can send invalid requests.
                let header = |name: &str| headers.get(name)?.to_str().ok();
                report(format!(
                    "rejected: {error}: {}",
                    verifier.explain(header, body)
                ));
                return StatusCode::UNAUTHORIZED;
            }
            Err(error) => {
                report(format!("rejected: {error}"));
                return StatusCode::BAD_REQUEST;
            }
        };
        match Payload::read(&delivery.topic(), body) {
            Ok(payload) => {
                let (shop, topic, key) = (&delivery.shop, &delivery.topic, &delivery.key_id);
                report(format!("{shop} {topic} (key {key}): {payload:?}"));
                StatusCode::OK
            }
            Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    let take = Arc::new(take);
    let handler = move |headers: HeaderMap, body: Bytes| async move { take(&headers, &body) };
    Router::new().route("/", post(handler))
}

/// Subscribes to all topics without a subscription, and returns the new subscriptions.
pub(crate) async fn subscribe(
    shop: &ShopClient,
    url: &str,
) -> Result<Vec<Gid>, shopify_client::Error> {
    let existing = shop.webhook_subscriptions().await?;
    let wanted = NewSubscription {
        uri: url.to_owned(),
        ..NewSubscription::default()
    };
    let mut new = Vec::new();
    for topic in TOPICS {
        let known = existing
            .iter()
            .any(|each| Topic::from(each.topic.as_str()) == topic && each.uri == url);
        if !known {
            let created = shop.create_webhook_subscription(topic.as_str(), &wanted);
            new.push(created.await?.id);
        }
    }
    Ok(new)
}

/// Deletes the subscriptions of [`subscribe`].
pub(crate) async fn unsubscribe(
    shop: &ShopClient,
    ids: &[Gid],
) -> Result<(), shopify_client::Error> {
    for id in ids {
        shop.delete_webhook_subscription(id).await?;
    }
    Ok(())
}

fn secrets() -> Result<Vec<SecretString>, Box<dyn Error>> {
    // Every user of the machine can read the command line, so secrets are not passed there.
    let lines = stdin().lines().collect::<Result<Vec<_>, _>>()?;
    let lines = lines.iter().map(|line| line.trim());
    let lines = lines.filter(|line| !line.is_empty());
    Ok(lines.map(SecretString::from).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let domain = ShopDomain::parse(
        &arguments
            .next()
            .ok_or("expected SHOP as the first argument")?,
    )?;
    let url = arguments
        .next()
        .ok_or("expected URL as the second argument")?;
    let listen = arguments
        .next()
        .ok_or("expected LISTEN as the third argument")?;
    let mut builder = Client::builder();
    if let Some(endpoint) = arguments.next() {
        builder = builder.endpoint(Endpoint::custom(&endpoint)?);
    }
    let secrets = secrets()?;
    let [token, current, previous @ ..] = secrets.as_slice() else {
        return Err("expected an access token and a client secret on standard input".into());
    };
    let keys = [("current", current)].into_iter();
    let keys = keys.chain(previous.iter().map(|secret| ("previous", secret)));
    let verifier = Verifier::keyed(keys)?;

    let listener = TcpListener::bind(&listen).await?;
    let app = receiver(verifier, |line| {
        let _ = writeln!(stdout().lock(), "{line}");
    });
    let token = Arc::new(StaticToken::new(token.clone()));
    let shop = builder.build()?.shop(&domain, token);
    let served = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = tokio::signal::ctrl_c().await;
    });
    let ids = subscribe(&shop, &url).await?;
    writeln!(stdout().lock(), "watching {domain}; press Ctrl-C to stop")?;
    served.await?;
    unsubscribe(&shop, &ids).await?;
    Ok(())
}
