//! Tests an installation by OAuth with the simulator, and the life of its token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shopify_sim::{Fault, FaultKind, FaultTarget};
use sync_core::ports::ShopRegistry;
use sync_core::{Outcome, ShopStatus, UnavailableReason};
use testkit::{ManualClock, at};

use crate::support::{Logs, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_ends_with_the_whole_catalogue_in_the_space() {
    let world = World::builder().start().await;
    assert!(!world.is_known().await);
    let report = world.install().await;
    assert_eq!(
        report,
        json!({
            "shop": "example.myshopify.com",
            "webhook_status": "success",
            "webhook_test": {"status": "success"},
            "polling_test": {"status": "success"},
            "upload_status": "success",
            "snapshot": "example.myshopify.com/shopify_data.json",
        })
    );
    world.settled().await;
    assert_eq!(world.app.put_count(), 1);
    world.document_matches_shop().await.unwrap();
    let address = world.app.relay.url("/shopify/webhook");
    let mut subscribed = world.shop.subscriptions();
    subscribed.sort();
    let mut expected = server::adapters::topics::SUBSCRIBED.to_vec();
    expected.sort_unstable();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|topic| (topic.to_owned(), address.clone()))
        .collect();
    assert_eq!(subscribed, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_installation_changes_nothing() {
    let world = World::builder().installed().await;
    let subscribed = world.shop.subscriptions();
    let report = world.install().await;
    assert_eq!(report["upload_status"], "success");
    world.settled().await;
    assert_eq!(world.app.put_count(), 1);
    assert_eq!(world.shop.subscriptions(), subscribed);
}

/// The shop's access token and refresh token, decrypted.
async fn tokens(world: &World) -> Vec<SecretString> {
    let stored = world.app.service().database.token(&world.domain).await;
    let token = stored.unwrap().unwrap().token;
    let tokens: Vec<_> = [Some(token.access_token), token.refresh_token]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(tokens.len(), 2);
    tokens
}

fn text_has(logs: &Logs, part: &str) -> bool {
    logs.text().lines().any(|line| {
        // Lines of other crates may concern the test's own requests.
        line.contains(" server::") && line.contains(part)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_appears_in_the_log_the_report_or_the_database() {
    let logs = Logs::capture();
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let world = World::builder().clock(&clock).start().await;
    let report = world.install().await.to_string();
    world.settled().await;
    let mut secrets = tokens(&world).await;
    // Also the tokens of a renewal.
    clock.advance(std::time::Duration::from_mins(59));
    world.sync().await;
    secrets.extend(tokens(&world).await);
    assert_ne!(secrets[0].expose_secret(), secrets[2].expose_secret());
    secrets.push("hush-hush".into());
    // The query of the callback is not logged.
    assert!(text_has(logs, "GET /shopify/callback returned 200"));
    assert!(!text_has(logs, "state=") && !text_has(logs, "code="));

    let state = world.app.backends.raw_state(world.app.variables());
    let text = logs.text();
    assert!(text.contains("The access token was renewed"), "{text}");
    for secret in &secrets {
        let secret = secret.expose_secret();
        let in_hex = hex::encode(secret);
        assert!(!report.contains(secret));
        assert!(!text.contains(secret), "in the log");
        for spelled in [secret, &in_hex] {
            let found = state
                .windows(spelled.len())
                .any(|part| part == spelled.as_bytes());
            assert!(!found, "in the database");
        }
    }
    // The search in the database would find a token: it finds the shop.
    let shop = b"example.myshopify.com";
    assert!(state.windows(shop.len()).any(|part| part == shop));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_survive_a_restart() {
    let mut world = World::builder().installed().await;
    let token_requests = world.shop.calls().token_requests;
    world.app.restart().await;
    let product = world.shop.product_ids()[0];
    world.shop.set_price(product, None, "77.00").unwrap();
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.shop.calls().token_requests, token_requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_tokens_make_the_shop_unavailable_until_it_is_installed_again() {
    let world = World::builder().installed().await;
    world.shop.revoke_tokens();
    world
        .shop
        .without_webhooks()
        .rename_shop("Renamed")
        .unwrap();
    let ended = world.next_run().await;
    assert!(matches!(ended, Outcome::Failed { .. }), "{ended:?}");
    let service = world.app.service();
    let found = service.database.find(&world.domain).await.unwrap().unwrap();
    let reason = UnavailableReason::Unauthorized;
    assert_eq!(found.status, ShopStatus::Unavailable(reason));

    let report = world.install().await;
    assert_eq!(report["upload_status"], "success", "{report}");
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    let found = service.database.find(&world.domain).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstalled_shop_is_not_read_until_it_is_installed_again() {
    let world = World::builder().installed().await;
    assert!(world.shop.uninstall());
    world.settled().await;
    let database = &world.app.service().database;
    let found = database.find(&world.domain).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Uninstalled);
    assert!(database.token(&world.domain).await.unwrap().is_none());
    let before = world.shop.calls().requests;
    world.shop.rename_shop("Renamed").unwrap();
    world.settled().await;
    assert_eq!(world.shop.calls().requests, before);

    let report = world.install().await;
    assert_eq!(report["upload_status"], "success", "{report}");
    world.settled().await;
    world.document_matches_shop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_upload_that_takes_long_is_reported_as_running() {
    let hasty = World::builder().set("SHOPSYNC__SHOPIFY__CALLBACK_WAIT", "0s");
    let world = hasty.start().await;
    let hang = Fault::new(FaultKind::Hang)
        .on_operation("ProductsPage")
        .always();
    world.shop.inject_fault(hang).unwrap();
    let report = world.install().await;
    assert_eq!(report["polling_test"]["status"], "success", "{report}");
    assert_eq!(report["upload_status"], "running", "{report}");
    assert_eq!(report["snapshot"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_token_endpoint_gives_503_with_retry_after() {
    let world = World::builder().start().await;
    let down = Fault::new(FaultKind::Status(503)).on(FaultTarget::AccessToken);
    world.shop.inject_fault(down.always()).unwrap();
    let login = world
        .app
        .get("/shopify/example/login")
        .send()
        .await
        .unwrap();
    let page = login.headers()["location"].to_str().unwrap().to_owned();
    let granted = world.get(&page).await;
    let callback = granted.headers()["location"].to_str().unwrap().to_owned();
    let response = world.get(&callback).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(!world.is_known().await);
}
