//! A small app: installs itself in a shop, gets a token that is renewed automatically, and shows the number of
//! products.
//!
//! `cargo run -p shopify-client --example oauth_app -- URL LISTEN [ENDPOINT] < app.txt`
//!
//! `URL` is where browsers reach this program, such as `https://my-app.example`; the app's settings at Shopify name
//! `URL/` as App URL and `URL/callback` as redirect URL. `LISTEN` is the address behind it. `ENDPOINT` is another endpoint
//! than Shopify's, such as `http://127.0.0.1:9292/{shop}`. `app.txt` holds the client id and the client secret, each on a
//! line.

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rand::Rng;
use shopify_client::oauth::{AppCredentials, CallbackError, verify_callback, verify_query};
use shopify_client::token::{
    AppGrants, Clock, ManagedTokens, MemoryStore, StoredToken, SystemClock,
};
use shopify_client::{Client, Endpoint};
use tokio::net::TcpListener;

const SCOPES: [&str; 1] = ["read_products"];
const STATE: &str = "oauth_state";
/// The same limit as in Shopify's own libraries.
const MAX_AGE: Duration = Duration::from_secs(90);

/// The state that the pages share. A real app stores its tokens in a database, with its own `TokenStore`.
pub(crate) struct App {
    client: Client,
    credentials: AppCredentials,
    url: String,
    store: Arc<MemoryStore>,
    tokens: ManagedTokens,
}

impl App {
    pub(crate) fn new(client: Client, credentials: AppCredentials, url: &str) -> Self {
        let store = Arc::new(MemoryStore::default());
        let grants = AppGrants::new(client.clone(), credentials.clone());
        let tokens = ManagedTokens::builder(store.clone(), Arc::new(grants));
        Self {
            tokens: tokens.build(),
            client,
            credentials,
            url: url.trim_end_matches('/').to_owned(),
            store,
        }
    }

    pub(crate) fn pages(self) -> Router {
        Router::new()
            .route("/", get(install))
            .route("/callback", get(callback))
            .with_state(Arc::new(self))
    }

    fn redirect_url(&self) -> String {
        format!("{}/callback", self.url)
    }
}

/// The response to the browser when something fails.
struct Rejection(StatusCode, String);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<CallbackError> for Rejection {
    fn from(error: CallbackError) -> Self {
        Self(StatusCode::UNAUTHORIZED, error.to_string())
    }
}

impl From<shopify_client::Error> for Rejection {
    fn from(error: shopify_client::Error) -> Self {
        Self(StatusCode::BAD_GATEWAY, error.to_string())
    }
}

fn expired_link() -> Rejection {
    let text = "this link has expired: open the app from Shopify's admin again";
    Rejection(StatusCode::UNAUTHORIZED, text.to_owned())
}

/// The App URL, which Shopify opens with a signed query. Redirects the browser to the grant page.
async fn install(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Rejection> {
    let secrets = [&app.credentials.api_secret];
    let query = verify_query(&query.unwrap_or_default(), secrets)?;
    if !query.is_fresh(SystemClock.now(), MAX_AGE) {
        return Err(expired_link());
    }
    let state = format!("{:032x}", rand::rng().random::<u128>());
    let oauth = app.client.oauth(&app.credentials);
    let page = oauth.authorize_url(&query.shop, &SCOPES, &app.redirect_url(), &state);
    let cookie =
        format!("{STATE}={state}; Path=/callback; Max-Age=600; HttpOnly; Secure; SameSite=Lax");
    let headers = [(LOCATION, page.to_string()), (SET_COOKIE, cookie)];
    Ok((StatusCode::FOUND, headers))
}

/// The callback: the grant page redirects the browser here, with a code.
async fn callback(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<String, Rejection> {
    let secrets = [&app.credentials.api_secret];
    let callback = verify_callback(&query.unwrap_or_default(), secrets)?;
    let now = SystemClock.now();
    if cookie(&headers) != Some(callback.state.as_str()) {
        let text = "the installation was started in another browser: open the app from Shopify's admin again";
        return Err(Rejection(StatusCode::FORBIDDEN, text.to_owned()));
    }
    if !callback.is_fresh(now, MAX_AGE) {
        return Err(expired_link());
    }
    let oauth = app.client.oauth(&app.credentials);
    let grant = oauth.exchange_code(&callback.shop, &callback.code).await?;
    if let Some(missing) = SCOPES.iter().find(|scope| !grant.covers(scope)) {
        let text = format!("this app cannot work without {missing}");
        return Err(Rejection(StatusCode::FORBIDDEN, text));
    }
    app.store
        .install(&callback.shop, StoredToken::from_grant(grant, now));
    // The cached token of an earlier installation is no longer valid.
    app.tokens.forget(&callback.shop);

    // Your program gets a client of the shop like this:
    let token = Arc::new(app.tokens.shop(&callback.shop));
    let shop = app.client.shop(&callback.shop, token);
    let (name, products) = (shop.shop().await?.name, shop.products_count().await?);
    Ok(format!("Hello {name}: {} products", products.count))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    let mut pairs = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == STATE).then_some(value))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .ok_or("expected URL as the first argument")?;
    let listen = arguments
        .next()
        .ok_or("expected LISTEN as the second argument")?;
    let mut builder = Client::builder();
    if let Some(endpoint) = arguments.next() {
        builder = builder.endpoint(Endpoint::custom(&endpoint)?);
    }
    // Every user of the machine can read the command line, so the secret is not passed there.
    let mut lines = stdin().lines();
    let mut line = || {
        lines
            .next()
            .ok_or("expected client id and client secret on standard input")
    };
    let credentials = AppCredentials {
        api_key: line()??.trim().to_owned(),
        api_secret: line()??.trim().into(),
    };
    let app = App::new(builder.build()?, credentials, &url);
    let listener = TcpListener::bind(&listen).await?;
    writeln!(stdout().lock(), "the App URL is {url}/")?;
    let end = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app.pages())
        .with_graceful_shutdown(end)
        .await?;
    Ok(())
}
