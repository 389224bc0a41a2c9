//! Verifies session tokens: JSON Web Tokens (RFC 7519), signed with the app's secret, with which the page of an
//! embedded app identifies its shop.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::is_signed_by_any;
use crate::ShopDomain;

/// The tolerated clock difference in seconds, as in Shopify's own libraries.
const LEEWAY: i64 = 10;
/// The maximum length in bytes. Session tokens have about 500 characters.
const MAX_TOKEN_LENGTH: usize = 8192;

/// A verified session token: a user has this app open in this shop's admin.
#[derive(Clone)]
pub struct SessionToken {
    shop: ShopDomain,
    raw: SecretString,
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken")
            .field("shop", &self.shop)
            .finish_non_exhaustive()
    }
}

/// Why a session token is rejected. The page can get a new one, which helps only if it is [`Expired`](Self::Expired).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionTokenError {
    /// It is not a JSON Web Token with the claims of a session token.
    #[error("not a session token")]
    Malformed,
    /// Its algorithm is not HS256.
    #[error("the session token is not signed with HS256")]
    WrongAlgorithm,
    /// It is not signed with any of the secrets.
    #[error("the session token's signature is wrong")]
    WrongSignature,
    /// It has expired (`exp`).
    #[error("the session token has expired")]
    Expired,
    /// It is not valid yet (`nbf`): a clock is wrong.
    #[error("the session token is not valid yet")]
    NotYetValid,
    /// It is for another app (`aud`).
    #[error("the session token is for another app")]
    OtherApp,
    /// It names no shop, or two different ones (`iss`, `dest`).
    #[error("the session token does not name exactly one shop")]
    InvalidShop,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that a reader must support; none is supported. RFC 7515, section 4.1.11.
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    dest: String,
    aud: String,
    exp: i64,
    nbf: i64,
}

/// Verifies a session token, from `Authorization: Bearer` or the parameter `id_token`.
///
/// The only accepted algorithm is HS256. The signature is compared in constant time, under every secret, so that
/// secrets can be rotated. `exp` and `nbf` have a tolerance of 10 seconds. `aud` must be the app's client id. `iss` and
/// `dest` must name the same shop. Source: Shopify, "About session tokens".
///
/// # Errors
/// See [`SessionTokenError`]. No claim is read before the signature is verified.
pub fn verify_session_token<'a>(
    token: &str,
    client_id: &str,
    secrets: impl IntoIterator<Item = &'a SecretString>,
    now: DateTime<Utc>,
) -> Result<SessionToken, SessionTokenError> {
    let claims = verified_claims(token, secrets)?;
    if claims.aud != client_id {
        return Err(SessionTokenError::OtherApp);
    }
    let now = now.timestamp();
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(SessionTokenError::Expired);
    }
    if claims.nbf.saturating_sub(LEEWAY) > now {
        return Err(SessionTokenError::NotYetValid);
    }
    let shop = shop_of(&claims.dest)?;
    if shop_of(&claims.iss)? != shop {
        return Err(SessionTokenError::InvalidShop);
    }
    Ok(SessionToken {
        shop,
        raw: token.into(),
    })
}

fn verified_claims<'a>(
    token: &str,
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> Result<Claims, SessionTokenError> {
    let malformed = SessionTokenError::Malformed;
    if token.len() > MAX_TOKEN_LENGTH {
        return Err(malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, claims) = message.split_once('.').ok_or(malformed)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let header = decoded(header)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| malformed)?;
    if header.alg != "HS256" {
        return Err(SessionTokenError::WrongAlgorithm);
    }
    if header.crit.is_some() {
        return Err(malformed);
    }
    let signature = decoded(signature)?;
    if !is_signed_by_any(message, &signature, secrets) {
        return Err(SessionTokenError::WrongSignature);
    }
    serde_json::from_slice(&decoded(claims)?).map_err(|_| malformed)
}

fn shop_of(url: &str) -> Result<ShopDomain, SessionTokenError> {
    let invalid = SessionTokenError::InvalidShop;
    let url = Url::parse(url).map_err(|_| invalid)?;
    let plain = url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let host = url.host_str().filter(|_| plain).ok_or(invalid)?;
    ShopDomain::parse_domain(host).map_err(|_| invalid)
}

impl SessionToken {
    /// The shop in whose admin the app is open.
    pub fn shop(&self) -> &ShopDomain {
        &self.shop
    }

    /// The encoded token, for the token exchange.
    pub(super) fn raw(&self) -> &SecretString {
        &self.raw
    }
}
