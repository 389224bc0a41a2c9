//! Stores the authorization codes and tokens that a shop has granted to the app.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::token_error::TokenError;
use crate::app::{scope_string, with_implied_scopes};
use crate::id_generator::IdGenerator;

/// The lifetime of authorization codes. Shopify does not document it; this is long enough for a redirect.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);
const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::seconds(3_600);
/// The lifetime of tokens from the client credentials grant and of online tokens.
const ONE_DAY: TimeDelta = TimeDelta::seconds(86_399);
const REFRESH_TOKEN_LIFETIME: TimeDelta = TimeDelta::seconds(7_776_000);
/// How long after its first use a refresh token may be used again, if its replacement was never used.
const REUSE_WINDOW: TimeDelta = TimeDelta::days(30);

/// What the merchant has authorized on the grant page.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) scopes: Vec<String>,
    /// Whether the token is an online token: for one user of the shop, until their session ends.
    pub(crate) online: bool,
}

#[derive(Debug)]
struct AuthorizationCode {
    authorization: Authorization,
    expires: DateTime<Utc>,
}

/// The access that a token gives.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    /// With the `read_…` scope that each `write_…` scope implies.
    pub(crate) scopes: Vec<String>,
    expires: Option<DateTime<Utc>>,
    /// Whether it is a non-expiring token from the grant page, which Shopify no longer accepts from public apps.
    pub(crate) is_deprecated: bool,
}

struct RefreshToken {
    token: String,
    scopes: Vec<String>,
    expires: DateTime<Utc>,
}

struct PreviousToken {
    token: String,
    expires: DateTime<Utc>,
}

/// The one refreshable grant that an app has in a shop.
struct RefreshGrant {
    current: RefreshToken,
    previous: Option<PreviousToken>,
}

/// The response of the token endpoint.
#[derive(Serialize)]
pub(crate) struct TokenResponse {
    pub(crate) access_token: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_user_scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_user: Option<Value>,
    /// The previous scopes, if the app was installed with other scopes.
    #[serde(skip)]
    pub(crate) previous_scopes: Option<Vec<String>>,
}

/// All grants of one shop to the app.
pub(crate) struct Grants {
    ids: IdGenerator,
    issued: u64,
    installed: Option<Vec<String>>,
    codes: HashMap<String, AuthorizationCode>,
    access: HashMap<String, AccessToken>,
    refresh: Option<RefreshGrant>,
}

impl std::fmt::Debug for Grants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grants")
            .field("installed", &self.installed)
            .finish_non_exhaustive()
    }
}

impl Grants {
    pub(crate) fn new(ids: IdGenerator) -> Self {
        Self {
            ids,
            issued: 0,
            installed: None,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: None,
        }
    }

    /// The app's scopes, if it is installed.
    pub(crate) fn installed(&self) -> Option<&[String]> {
        self.installed.as_deref()
    }

    fn secret(&mut self, prefix: &str) -> String {
        self.issued += 1;
        format!("{prefix}{}", self.ids.hex("token", self.issued))
    }

    /// Issues a code for an authorization.
    pub(crate) fn issue_code(
        &mut self,
        authorization: Authorization,
        now: DateTime<Utc>,
    ) -> String {
        let code = self.secret("");
        let expires = now + CODE_LIFETIME;
        self.codes.retain(|_, code| code.expires > now);
        self.codes.insert(
            code.clone(),
            AuthorizationCode {
                authorization,
                expires,
            },
        );
        code
    }

    /// Issues a token that does not expire, as custom apps have. The scopes of an installed app stay as they are.
    pub(crate) fn issue_static(&mut self, scopes: &[String]) -> TokenResponse {
        let before = self.installed.take();
        let response = self.issue(scopes, None);
        self.installed = before.or(self.installed.take());
        response
    }

    /// Exchanges an authorization code, which is valid once.
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        expiring: bool,
        now: DateTime<Utc>,
    ) -> Result<TokenResponse, TokenError> {
        let code = self.codes.remove(code).ok_or(TokenError::InvalidCode)?;
        if code.expires <= now {
            return Err(TokenError::InvalidCode);
        }
        let Authorization { scopes, online } = code.authorization;
        if online {
            let mut response = self.issue(&scopes, Some((now, ONE_DAY)));
            response.associated_user_scope = Some(scope_string(&scopes));
            response.associated_user = Some(merchant());
            return Ok(response);
        }
        if expiring {
            // A new refreshable grant retires the previous one.
            return Ok(self.issue_pair(&scopes, None, now));
        }
        let response = self.issue(&scopes, None);
        if let Some(access) = self.access.get_mut(&response.access_token) {
            access.is_deprecated = true;
        }
        Ok(response)
    }

    /// Exchanges a refresh token: the current one, or the previous one as long as the current one was never used.
    pub(crate) fn refresh(
        &mut self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<TokenResponse, TokenError> {
        let refresh = self.refresh.take().ok_or(TokenError::InvalidSubjectToken)?;
        let usable = |previous: &PreviousToken| previous.token == token && previous.expires > now;
        if refresh.current.token == token && refresh.current.expires > now {
            let expires = refresh.current.expires.min(now + REUSE_WINDOW);
            let previous = PreviousToken {
                token: refresh.current.token,
                expires,
            };
            return Ok(self.issue_pair(&refresh.current.scopes, Some(previous), now));
        }
        if refresh.previous.as_ref().is_some_and(usable) {
            return Ok(self.issue_pair(&refresh.current.scopes, refresh.previous, now));
        }
        self.refresh = Some(refresh);
        Err(TokenError::InvalidSubjectToken)
    }

    /// Issues a token without a merchant, for an app of the shop's own organization.
    pub(crate) fn client_credentials(
        &mut self,
        scopes: &[String],
        now: DateTime<Utc>,
    ) -> TokenResponse {
        self.issue(scopes, Some((now, ONE_DAY)))
    }

    fn issue_pair(
        &mut self,
        scopes: &[String],
        previous: Option<PreviousToken>,
        now: DateTime<Utc>,
    ) -> TokenResponse {
        let mut response = self.issue(scopes, Some((now, ACCESS_TOKEN_LIFETIME)));
        let token = self.secret("shprt_");
        response.refresh_token = Some(token.clone());
        response.refresh_token_expires_in = Some(REFRESH_TOKEN_LIFETIME.num_seconds());
        let current = RefreshToken {
            token,
            scopes: scopes.to_vec(),
            expires: now + REFRESH_TOKEN_LIFETIME,
        };
        self.refresh = Some(RefreshGrant { current, previous });
        response
    }

    fn issue(
        &mut self,
        scopes: &[String],
        lifetime: Option<(DateTime<Utc>, TimeDelta)>,
    ) -> TokenResponse {
        let access_token = self.secret("shpat_");
        let access = AccessToken {
            scopes: with_implied_scopes(scopes),
            expires: lifetime.map(|(now, lifetime)| now + lifetime),
            is_deprecated: false,
        };
        self.access.insert(access_token.clone(), access);
        let before = self.installed.replace(scopes.to_vec());
        TokenResponse {
            access_token,
            scope: scope_string(scopes),
            expires_in: lifetime.map(|(_, lifetime)| lifetime.num_seconds()),
            refresh_token: None,
            refresh_token_expires_in: None,
            associated_user_scope: None,
            associated_user: None,
            previous_scopes: before.filter(|before| scope_string(before) != scope_string(scopes)),
        }
    }

    /// The access that `token` gives now.
    pub(crate) fn access(&self, token: &str, now: DateTime<Utc>) -> Option<&AccessToken> {
        let access = self.access.get(token)?;
        access
            .expires
            .is_none_or(|expires| expires > now)
            .then_some(access)
    }

    /// Revokes all tokens; the app stays installed.
    pub(crate) fn revoke(&mut self) {
        self.codes.clear();
        self.access.clear();
        self.refresh = None;
    }

    /// Revokes all tokens and ends the installation. Returns whether there was one.
    pub(crate) fn uninstall(&mut self) -> bool {
        self.revoke();
        self.installed.take().is_some()
    }
}

fn merchant() -> Value {
    json!({
        "id": 902_541_635,
        "first_name": "Alex",
        "last_name": "Merchant",
        "email": "owner@shop.example",
        "email_verified": true,
        "account_owner": true,
        "locale": "en",
        "collaborator": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn grants() -> Grants {
        Grants::new(IdGenerator::new(1, "a.myshopify.com"))
    }

    fn scopes() -> Vec<String> {
        vec!["write_products".to_owned()]
    }

    fn code(grants: &mut Grants) -> String {
        let authorization = Authorization {
            scopes: scopes(),
            online: false,
        };
        grants.issue_code(authorization, NOON)
    }

    fn pair(grants: &mut Grants) -> TokenResponse {
        let code = code(grants);
        grants.exchange(&code, true, NOON).ok().unwrap()
    }

    fn error_of(result: Result<TokenResponse, TokenError>) -> TokenError {
        result.err().unwrap()
    }

    #[test]
    fn a_code_works_once_and_expires() {
        let mut grants = grants();
        let first = code(&mut grants);
        assert!(grants.exchange(&first, false, NOON).is_ok());
        assert_eq!(
            error_of(grants.exchange(&first, false, NOON)),
            TokenError::InvalidCode
        );
        let old = code(&mut grants);
        assert_eq!(
            error_of(grants.exchange(&old, false, NOON + CODE_LIFETIME)),
            TokenError::InvalidCode
        );
    }

    #[test]
    fn expiring_tokens_expire_and_others_do_not() {
        let mut grants = grants();
        let expiring = pair(&mut grants).access_token;
        let lasting = grants.issue_static(&scopes()).access_token;
        let almost = NOON + ACCESS_TOKEN_LIFETIME - TimeDelta::seconds(1);
        assert_eq!(
            grants.access(&expiring, almost).unwrap().scopes,
            ["write_products", "read_products"]
        );
        assert!(
            grants
                .access(&expiring, NOON + ACCESS_TOKEN_LIFETIME)
                .is_none()
        );
        assert!(
            grants
                .access(&lasting, NOON + REFRESH_TOKEN_LIFETIME)
                .is_some()
        );
    }

    #[test]
    fn a_lost_refresh_can_be_repeated_until_its_outcome_is_used() {
        let mut grants = grants();
        let first = pair(&mut grants).refresh_token.unwrap();
        let lost = grants.refresh(&first, NOON).ok().unwrap();
        let second = grants.refresh(&first, NOON).ok().unwrap();
        let lost = lost.refresh_token.unwrap();
        assert_eq!(
            error_of(grants.refresh(&lost, NOON)),
            TokenError::InvalidSubjectToken
        );
        let second = second.refresh_token.unwrap();
        assert!(grants.refresh(&second, NOON).is_ok());
        assert_eq!(
            error_of(grants.refresh(&first, NOON)),
            TokenError::InvalidSubjectToken
        );
        assert!(grants.refresh(&second, NOON + TimeDelta::days(29)).is_ok());
        assert_eq!(
            error_of(grants.refresh(&second, NOON + REUSE_WINDOW)),
            TokenError::InvalidSubjectToken
        );
    }

    #[test]
    fn refresh_tokens_last_ninety_days_and_a_new_installation_retires_them() {
        let mut grants = grants();
        let first = pair(&mut grants).refresh_token.unwrap();
        assert_eq!(
            error_of(grants.refresh(&first, NOON + REFRESH_TOKEN_LIFETIME)),
            TokenError::InvalidSubjectToken
        );
        let second = pair(&mut grants).refresh_token.unwrap();
        assert_eq!(
            error_of(grants.refresh(&first, NOON)),
            TokenError::InvalidSubjectToken
        );
        assert!(grants.refresh(&second, NOON).is_ok());
    }

    #[test]
    fn uninstalling_ends_every_token_at_once() {
        let mut grants = grants();
        assert!(!grants.uninstall());
        let response = pair(&mut grants);
        let pending = code(&mut grants);
        assert!(grants.uninstall());
        assert!(grants.access(&response.access_token, NOON).is_none());
        assert!(
            grants
                .refresh(&response.refresh_token.unwrap(), NOON)
                .is_err()
        );
        assert!(grants.exchange(&pending, true, NOON).is_err());
        assert_eq!(grants.installed(), None);
    }

    #[test]
    fn changed_scopes_are_detected() {
        let mut grants = grants();
        assert_eq!(pair(&mut grants).previous_scopes, None);
        assert_eq!(pair(&mut grants).previous_scopes, None);
        let narrower = grants.client_credentials(&["read_products".to_owned()], NOON);
        assert_eq!(narrower.previous_scopes, Some(scopes()));
    }
}
