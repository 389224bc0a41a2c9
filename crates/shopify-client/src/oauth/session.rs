//! Session tokens: how the page of an embedded app tells who has opened it. They are JSON Web Tokens (RFC 7519), signed
//! with the app's secret.

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

/// By how much Shopify's clock and this machine's may differ, in seconds: the tolerance of Shopify's own libraries.
const LEEWAY: i64 = 10;
/// Session tokens have some 500 characters. Longer ones are not read.
const MAX_TOKEN_LENGTH: usize = 8192;

/// A session token whose signature and claims are right: this person has this app open in this shop's admin.
#[derive(Clone)]
pub struct SessionToken {
    shop: ShopDomain,
    user: Option<u64>,
    session: Option<String>,
    expires_at: DateTime<Utc>,
    raw: SecretString,
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken")
            .field("shop", &self.shop)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why a session token is refused. The page can get another one; only [`Expired`](Self::Expired) is worth trying that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionTokenError {
    /// It is no JSON Web Token with the claims of a session token.
    #[error("not a session token")]
    Malformed,
    /// It is signed by another algorithm than HS256, or by none.
    #[error("the session token is not signed with HS256")]
    WrongAlgorithm,
    /// None of the secrets has signed it.
    #[error("the session token's signature is wrong")]
    WrongSignature,
    /// Its time is over (`exp`).
    #[error("the session token has expired")]
    Expired,
    /// Its time is to come (`nbf`): a clock is wrong.
    #[error("the session token is not valid yet")]
    NotYetValid,
    /// It is another app's (`aud`).
    #[error("the session token is for another app")]
    OtherApp,
    /// It names no shop, or two (`iss`, `dest`).
    #[error("the session token is not of one shop")]
    InvalidShop,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// What a reader must understand. Nothing of it is. RFC 7515, section 4.1.11.
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
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
}

/// Checks a session token, from `Authorization: Bearer` or the parameter `id_token`.
///
/// The algorithm is HS256 and nothing else; the signature is compared in constant time, and under every secret, so that
/// a secret can be replaced; `exp` and `nbf` may be 10 seconds off; `aud` must be the app's client id; and `iss` and
/// `dest` must name the same shop. Source: Shopify, "About session tokens".
///
/// # Errors
/// See [`SessionTokenError`]. No claim is looked at before the signature.
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
    let expires_at = DateTime::from_timestamp(claims.exp, 0);
    Ok(SessionToken {
        shop,
        user: claims.sub.and_then(|user| user.parse().ok()),
        session: claims.sid,
        expires_at: expires_at.ok_or(SessionTokenError::Malformed)?,
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

    /// The number of the person who has it open (`sub`).
    pub fn user(&self) -> Option<u64> {
        self.user
    }

    /// The session's id, the same for all of a person's session tokens of one login (`sid`).
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// When it expires: a minute after it was made.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// The token itself, to be exchanged.
    pub(super) fn raw(&self) -> &SecretString {
        &self.raw
    }
}
