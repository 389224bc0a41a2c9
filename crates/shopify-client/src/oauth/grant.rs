//! Requests access tokens from Shopify's token endpoint.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use super::SessionToken;
use crate::http_client::{RawResponse, RequestFailure, Retry, post};
use crate::{Client, Error, ShopDomain};

const TOKEN_PATH: &str = "/admin/oauth/access_token";
const OPERATION: &str = "access_token";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const OFFLINE: &str = "urn:shopify:params:oauth:token-type:offline-access-token";

/// What kind of credential a grant request spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpentCredential {
    /// A code or session token: valid for a minute and once. After any rejection a new one is needed.
    SingleUse,
    /// A refresh token, access token or app secret: given up only if Shopify states the reason.
    Reusable,
}

/// An app's identity.
#[derive(Clone)]
pub struct AppCredentials {
    /// The client id.
    pub api_key: String,
    /// The client secret.
    pub api_secret: SecretString,
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCredentials")
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}

/// A granted access token, its lifetime, scopes and refresh token.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// The value of `X-Shopify-Access-Token`.
    pub access_token: SecretString,
    /// The granted scopes; `write_x` includes `read_x`. They may be fewer than requested.
    pub scopes: Vec<String>,
    /// The lifetime of the access token, from the response; `None`: until the app is uninstalled.
    pub expires_in: Option<Duration>,
    /// The token for the next [`OAuth::refresh`]. Store it at once, together with the access token: it replaces the
    /// previous one.
    pub refresh_token: Option<SecretString>,
    /// The lifetime of the refresh token, from the response.
    pub refresh_token_expires_in: Option<Duration>,
}

impl TokenGrant {
    /// Whether the grant includes a scope; see [`scope_is_covered`].
    pub fn covers(&self, scope: &str) -> bool {
        scope_is_covered(scope, &self.scopes)
    }
}

/// Whether the granted scopes include a scope. A write scope includes the read scope, also for `unauthenticated_` scopes.
pub fn scope_is_covered(scope: &str, granted: &[String]) -> bool {
    let writing = |reading: &str, writing: &str| {
        let rest = scope.strip_prefix(reading)?;
        Some(format!("{writing}{rest}"))
    };
    let write = writing("read_", "write_")
        .or_else(|| writing("unauthenticated_read_", "unauthenticated_write_"));
    granted
        .iter()
        .any(|granted| granted == scope || write.as_ref() == Some(granted))
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    refresh_token_expires_in: Option<u64>,
}

impl From<TokenResponse> for TokenGrant {
    fn from(wire: TokenResponse) -> Self {
        let scopes = wire
            .scope
            .split([',', ' '])
            .filter(|scope| !scope.is_empty());
        Self {
            access_token: wire.access_token,
            scopes: scopes.map(str::to_owned).collect(),
            expires_in: wire.expires_in.map(Duration::from_secs),
            refresh_token: wire
                .refresh_token
                .filter(|token| !token.expose_secret().is_empty()),
            refresh_token_expires_in: wire.refresh_token_expires_in.map(Duration::from_secs),
        }
    }
}

/// The grants of one app.
#[derive(Debug, Clone, Copy)]
pub struct OAuth<'a> {
    client: &'a Client,
    app: &'a AppCredentials,
}

impl Client {
    /// Returns the grants of an app.
    pub fn oauth<'a>(&'a self, app: &'a AppCredentials) -> OAuth<'a> {
        OAuth { client: self, app }
    }
}

impl OAuth<'_> {
    /// Returns the URL of the grant page. Redirect the merchant's browser to it.
    ///
    /// `state` is returned in the callback; it must be unguessable and bound to the browser. Without scopes, the scopes
    /// of the app's configuration are requested.
    pub fn authorize_url(
        &self,
        shop: &ShopDomain,
        scopes: &[&str],
        redirect_uri: &str,
        state: &str,
    ) -> Url {
        let endpoint = self.client.endpoint();
        let mut url = endpoint.url(shop, "/admin/oauth/authorize");
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &self.app.api_key);
        if !scopes.is_empty() {
            query.append_pair("scope", &scopes.join(","));
        }
        query.append_pair("redirect_uri", redirect_uri);
        query.append_pair("state", state);
        drop(query);
        url
    }

    /// Exchanges a callback's code for an expiring offline token. A code is valid once and for a short time.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the code is used, expired or not this app's.
    pub async fn exchange_code(
        &self,
        shop: &ShopDomain,
        code: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let parameters = json!({ "code": code.expose_secret(), "expiring": "1" });
        self.grant(shop, SpentCredential::SingleUse, parameters)
            .await
    }

    /// Exchanges a refresh token for a new access token and a new refresh token.
    ///
    /// Call it from one caller per shop at a time: a second refresh retires the result of the first. The old refresh
    /// token may be used again until its replacement is used, so a request with a lost response is repeated.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the refresh token is retired, expired or revoked.
    pub async fn refresh(
        &self,
        shop: &ShopDomain,
        refresh_token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let parameters = json!({
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.expose_secret(),
        });
        self.grant(shop, SpentCredential::Reusable, parameters)
            .await
    }

    /// Requests a token without a merchant, for a shop of the app's own organization. It lasts a day and has no refresh
    /// token; request a new one instead.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] if the shop belongs to another organization.
    pub async fn client_credentials(&self, shop: &ShopDomain) -> Result<TokenGrant, Error> {
        let parameters = json!({ "grant_type": "client_credentials" });
        self.grant(shop, SpentCredential::Reusable, parameters)
            .await
    }

    /// Exchanges an offline token that never expires for an expiring one with a refresh token. The old token ends at
    /// once, and the exchange cannot be undone. If the response is lost, the request may be repeated for seven days:
    /// Shopify returns the same pair until it is refreshed or replaced. Source: Shopify, "Use expiring offline access
    /// tokens", "More resilient token exchanges".
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the token is revoked, or was exchanged too long ago.
    pub async fn migrate(
        &self,
        shop: &ShopDomain,
        access_token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let parameters = json!({
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": access_token.expose_secret(),
            "subject_token_type": OFFLINE,
            "requested_token_type": OFFLINE,
            "expiring": "1",
        });
        self.grant(shop, SpentCredential::Reusable, parameters)
            .await
    }

    /// Exchanges the session token of an embedded app's page for the app's expiring access token for that shop, with a
    /// refresh token. Session tokens last a minute. Source: Shopify, "Exchange a session token for an access token".
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the session token is expired or not this app's: get a new one from the page.
    pub async fn exchange_session_token(
        &self,
        session: &SessionToken,
    ) -> Result<TokenGrant, Error> {
        let parameters = json!({
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": session.raw().expose_secret(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": OFFLINE,
            "expiring": "1",
        });
        self.grant(session.shop(), SpentCredential::SingleUse, parameters)
            .await
    }

    async fn grant(
        &self,
        shop: &ShopDomain,
        credential: SpentCredential,
        mut parameters: Value,
    ) -> Result<TokenGrant, Error> {
        parameters["client_id"] = self.app.api_key.as_str().into();
        parameters["client_secret"] = self.app.api_secret.expose_secret().into();
        let body = Bytes::from(parameters.to_string());
        let policy = &self.client.inner.http.retry;
        let start = Instant::now();
        for failures in 1.. {
            let failure = match self.attempt(shop, body.clone(), credential).await {
                Ok(grant) => return Ok(grant),
                Err(failure) => failure,
            };
            let retry_after = match failure.retry {
                Retry::Throttled(retry_after) | Retry::Transient(retry_after) => retry_after,
                Retry::NotSent => None,
                Retry::Never | Retry::WithNewToken => return Err(failure.error),
            };
            let pause = policy.backoff(failures, retry_after);
            // The caller has a waiting browser or a token that is still valid, so it should handle long pauses itself.
            let too_long = pause > policy.max_backoff || start.elapsed() + pause > policy.budget;
            if failures >= policy.max_attempts || too_long {
                return Err(failure.error);
            }
            sleep(pause).await;
        }
        unreachable!("the loop has no end")
    }

    async fn attempt(
        &self,
        shop: &ShopDomain,
        body: Bytes,
        credential: SpentCredential,
    ) -> Result<TokenGrant, RequestFailure> {
        let http = &self.client.inner.http;
        let request = post(&http.endpoint.url(shop, TOKEN_PATH)).body(body);
        let raw = http.send(OPERATION, request).await?;
        if raw.status != 200 {
            return Err(rejection(&raw, credential));
        }
        let grant: TokenResponse = serde_json::from_slice(&raw.body).map_err(|source| {
            // Not the source error: its text may quote the token.
            let place = format!("line {}, column {}", source.line(), source.column());
            invalid_response(".", place)
        })?;
        if grant.access_token.expose_secret().is_empty() {
            return Err(invalid_response("access_token", "it is empty".to_owned()));
        }
        Ok(grant.into())
    }
}

fn invalid_response(path: &str, why: String) -> RequestFailure {
    RequestFailure::permanent(Error::Decode {
        operation: OPERATION,
        path: path.to_owned(),
        source: why.into(),
    })
}

/// The error body: `{"error": "invalid_subject_token", "error_description": …}`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct OAuthError {
    error: String,
    error_description: String,
}

impl OAuthError {
    /// Whether the spent credential is no longer valid. Shopify's libraries handle `invalid_subject_token`. RFC 6749,
    /// section 5.2, defines `invalid_grant`. Apps have received "active `refresh_token`" with status 401 for retired
    /// refresh tokens.
    fn ends_grant(&self) -> bool {
        match self.error.as_str() {
            "invalid_subject_token" | "invalid_grant" => true,
            "invalid_request" => self.error_description.contains("active refresh_token"),
            _ => false,
        }
    }

    /// Whether a 400 blames the app, which a new authorization by the merchant would not fix.
    fn is_app_error(&self) -> bool {
        [
            "shop_not_permitted",
            "invalid_client",
            "unauthorized_client",
            "application_cannot_be_found",
        ]
        .contains(&self.error.as_str())
    }
}

fn rejection(raw: &RawResponse, credential: SpentCredential) -> RequestFailure {
    let reason: OAuthError = serde_json::from_slice(&raw.body).unwrap_or_default();
    let status = Error::Status {
        operation: OPERATION,
        status: raw.status,
        request_id: raw.request_id.clone(),
    };
    let denied = || Error::AccessDenied {
        message: reason.error.chars().take(100).collect(),
    };
    match raw.status {
        400 | 401 if reason.ends_grant() => RequestFailure::permanent(Error::Reauthorize),
        400 if reason.is_app_error() => RequestFailure::permanent(denied()),
        // Neither the error page of a proxy nor an unknown reason should require the merchant to act.
        400 if credential == SpentCredential::Reusable => RequestFailure::permanent(status),
        400 => RequestFailure::permanent(Error::Reauthorize),
        401 | 403 => RequestFailure::permanent(denied()),
        402 => RequestFailure::permanent(Error::ShopFrozen),
        404 => RequestFailure::permanent(Error::NotFound),
        423 => RequestFailure::permanent(Error::ShopLocked),
        429 => RequestFailure {
            error: Error::Throttled {
                operation: OPERATION,
                retry_after: raw.retry_after,
            },
            retry: Retry::Throttled(raw.retry_after),
        },
        430 => RequestFailure::permanent(Error::SecurityRejection),
        500.. => RequestFailure {
            error: status,
            retry: Retry::Transient(raw.retry_after),
        },
        _ => RequestFailure::permanent(status),
    }
}
