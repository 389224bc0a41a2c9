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
const ONLINE: &str = "urn:shopify:params:oauth:token-type:online-access-token";

/// What a grant is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpentCredential {
    /// Something that lasts a minute and works once: any refusal means to get another.
    SingleUse,
    /// Something that is kept, and given up only when Shopify says why.
    Reusable,
}

/// For whom a session token is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// A token for the app in this shop, which renews itself without anybody there.
    Offline,
    /// A token for the person who has the app open, with that person's permissions. It lasts a day at most.
    Online,
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

/// An access token and what comes with it.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// For `X-Shopify-Access-Token`.
    pub access_token: SecretString,
    /// What the merchant granted: `write_x` includes `read_x`. The merchant may have granted less than was asked for.
    pub scopes: Vec<String>,
    /// How long the access token lasts, from now; `None`: until the app is uninstalled.
    pub expires_in: Option<Duration>,
    /// For the next [`OAuth::refresh`]. Store it with the access token, at once: it replaces the one before.
    pub refresh_token: Option<SecretString>,
    /// How long the refresh token lasts, from now.
    pub refresh_token_expires_in: Option<Duration>,
}

impl TokenGrant {
    /// Whether the grant covers a scope; writing includes reading, also of `unauthenticated_` scopes.
    pub fn covers(&self, scope: &str) -> bool {
        let writing = |reading: &str, writing: &str| {
            let rest = scope.strip_prefix(reading)?;
            Some(format!("{writing}{rest}"))
        };
        let write = writing("read_", "write_")
            .or_else(|| writing("unauthenticated_read_", "unauthenticated_write_"));
        self.scopes
            .iter()
            .any(|granted| granted == scope || write.as_ref() == Some(granted))
    }
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
    /// The grants of an app.
    pub fn oauth<'a>(&'a self, app: &'a AppCredentials) -> OAuth<'a> {
        OAuth { client: self, app }
    }
}

impl OAuth<'_> {
    /// Where to send the merchant's browser, by a redirect, to be asked for the scopes.
    ///
    /// `state` comes back in the callback; it must be unguessable and bound to the browser. Without scopes, those
    /// declared in the app's configuration are asked for.
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

    /// Exchanges a callback's code for an expiring offline token. A code works once, for a short time.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the code is used, old or not this app's.
    pub async fn exchange_code(
        &self,
        shop: &ShopDomain,
        code: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let parameters = json!({ "code": code.expose_secret(), "expiring": "1" });
        self.grant(shop, SpentCredential::SingleUse, parameters)
            .await
    }

    /// Gets a new access token and a new refresh token.
    ///
    /// Only one caller per shop at a time: a second refresh retires what the first obtained. The old refresh token may
    /// be used again until its replacement is, so a lost answer is asked for again.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the refresh token is used up, expired or revoked.
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

    /// Gets a token without any merchant, for a shop of the app's own organization. It lasts a day and has no refresh
    /// token: ask again.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] if the shop belongs to somebody else.
    pub async fn client_credentials(&self, shop: &ShopDomain) -> Result<TokenGrant, Error> {
        let parameters = json!({ "grant_type": "client_credentials" });
        self.grant(shop, SpentCredential::Reusable, parameters)
            .await
    }

    /// Exchanges an offline token that never expires for one that does, with a refresh token. The old token ends at
    /// once, and there is no way back. If the answer is lost, the same may be asked again for seven days: it is
    /// answered with the same pair, until that is refreshed or replaced.
    /// Source: Shopify, "Use expiring offline access tokens", "More resilient token exchanges".
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

    /// Exchanges the session token of an embedded app's page for an access token. It must be fresh: session tokens last
    /// a minute. Source: Shopify, "Exchange a session token for an access token".
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the session token is too old or not this app's: get another one from the page.
    pub async fn exchange_session_token(
        &self,
        session: &SessionToken,
        mode: AccessMode,
    ) -> Result<TokenGrant, Error> {
        let mut parameters = json!({
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": session.raw().expose_secret(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        });
        match mode {
            AccessMode::Offline => {
                parameters["requested_token_type"] = OFFLINE.into();
                parameters["expiring"] = "1".into();
            }
            AccessMode::Online => parameters["requested_token_type"] = ONLINE.into(),
        }
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
            // Who asks for a token has a browser waiting, or an old token that is still good: long pauses are theirs.
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
            // Not the source itself: its text may quote what should have been a token.
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

/// What a refusal says: `{"error": "invalid_subject_token", "error_description": …}`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct OAuthError {
    error: String,
    error_description: String,
}

impl OAuthError {
    /// Whether it is over with what was spent. Shopify's libraries know the first; apps have got the last for refresh
    /// tokens that are retired, with status 401; the other is that of RFC 6749, section 5.2.
    fn ends_grant(&self) -> bool {
        match self.error.as_str() {
            "invalid_subject_token" | "invalid_grant" => true,
            "invalid_request" => self.error_description.contains("active refresh_token"),
            _ => false,
        }
    }

    /// Whether a 400 says that the app is wrong, which asking the merchant again would not mend.
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
        // Neither the page of a proxy nor a reason that nobody knows should make a merchant open the app.
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
