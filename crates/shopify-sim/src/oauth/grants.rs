//! A shop's memory of what it has granted to the app.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::Refusal;
use crate::app::{expanded, written};
use crate::seeded::Seeded;

/// Long enough for a redirect; Shopify does not say how long its codes live.
const CODE: TimeDelta = TimeDelta::minutes(10);
const ACCESS: TimeDelta = TimeDelta::seconds(3_600);
/// Tokens of the client-credentials grant and of single users.
const DAY: TimeDelta = TimeDelta::seconds(86_399);
const REFRESH: TimeDelta = TimeDelta::seconds(7_776_000);
/// How long after its first use a refresh token whose replacement was never used may be used again.
const RETRY: TimeDelta = TimeDelta::days(30);

/// What the merchant agreed to on the grant page.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) scopes: Vec<String>,
    /// The token is for one user of the shop and ends with the session.
    pub(crate) online: bool,
}

#[derive(Debug)]
struct Code {
    authorization: Authorization,
    expires: DateTime<Utc>,
}

/// What an access token opens.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// `read_…` beside each `write_…`.
    pub(crate) scopes: Vec<String>,
    expires: Option<DateTime<Utc>>,
    /// The grant page gave it, and it does not expire.
    pub(crate) is_outdated: bool,
}

struct RefreshToken {
    token: String,
    scopes: Vec<String>,
    expires: DateTime<Utc>,
}

struct Replaced {
    token: String,
    expires: DateTime<Utc>,
}

/// The one refreshable grant that an app has in a shop.
struct Refresh {
    current: RefreshToken,
    previous: Option<Replaced>,
}

/// The token endpoint's answer.
#[derive(Serialize)]
pub(crate) struct Granted {
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
    /// The scopes before, when the app was installed and they are others now.
    #[serde(skip)]
    pub(crate) previous_scopes: Option<Vec<String>>,
}

/// All grants of one shop to the app.
pub(crate) struct Grants {
    seeded: Seeded,
    issued: u64,
    installed: Option<Vec<String>>,
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: Option<Refresh>,
}

impl std::fmt::Debug for Grants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grants")
            .field("installed", &self.installed)
            .finish_non_exhaustive()
    }
}

impl Grants {
    pub(crate) fn new(seeded: Seeded) -> Self {
        Self {
            seeded,
            issued: 0,
            installed: None,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: None,
        }
    }

    /// The scopes the app has here, if it is installed.
    pub(crate) fn installed(&self) -> Option<&[String]> {
        self.installed.as_deref()
    }

    fn secret(&mut self, prefix: &str) -> String {
        self.issued += 1;
        format!("{prefix}{}", self.seeded.hex("token", self.issued))
    }

    /// A code for what the merchant agreed to.
    pub(crate) fn issue_code(
        &mut self,
        authorization: Authorization,
        now: DateTime<Utc>,
    ) -> String {
        let code = self.secret("");
        let expires = now + CODE;
        self.codes.retain(|_, code| code.expires > now);
        self.codes.insert(
            code.clone(),
            Code {
                authorization,
                expires,
            },
        );
        code
    }

    /// A token that lasts until it is revoked, as the admin's custom apps have.
    /// Scopes that the app has been granted before stay as they are.
    pub(crate) fn issue_static(&mut self, scopes: &[String]) -> Granted {
        let before = self.installed.take();
        let granted = self.issue(scopes, None);
        self.installed = before.or(self.installed.take());
        granted
    }

    /// Exchanges a code, which works once.
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        expiring: bool,
        now: DateTime<Utc>,
    ) -> Result<Granted, Refusal> {
        let code = self.codes.remove(code).ok_or(Refusal::InvalidCode)?;
        if code.expires <= now {
            return Err(Refusal::InvalidCode);
        }
        let Authorization { scopes, online } = code.authorization;
        if online {
            let mut granted = self.issue(&scopes, Some((now, DAY)));
            granted.associated_user_scope = Some(written(&scopes));
            granted.associated_user = Some(merchant());
            return Ok(granted);
        }
        if expiring {
            // Getting another refreshable token retires the one before.
            return Ok(self.issue_pair(&scopes, None, now));
        }
        let granted = self.issue(&scopes, None);
        if let Some(access) = self.access.get_mut(&granted.access_token) {
            access.is_outdated = true;
        }
        Ok(granted)
    }

    /// Exchanges a refresh token: the current one, or the one before as long as the current one was never used.
    pub(crate) fn refresh(&mut self, token: &str, now: DateTime<Utc>) -> Result<Granted, Refusal> {
        let refresh = self.refresh.take().ok_or(Refusal::InvalidSubjectToken)?;
        let usable = |previous: &Replaced| previous.token == token && previous.expires > now;
        if refresh.current.token == token && refresh.current.expires > now {
            let expires = refresh.current.expires.min(now + RETRY);
            let previous = Replaced {
                token: refresh.current.token,
                expires,
            };
            return Ok(self.issue_pair(&refresh.current.scopes, Some(previous), now));
        }
        if refresh.previous.as_ref().is_some_and(usable) {
            return Ok(self.issue_pair(&refresh.current.scopes, refresh.previous, now));
        }
        self.refresh = Some(refresh);
        Err(Refusal::InvalidSubjectToken)
    }

    /// A token without any merchant, for an app of the shop's own organization.
    pub(crate) fn client_credentials(&mut self, scopes: &[String], now: DateTime<Utc>) -> Granted {
        self.issue(scopes, Some((now, DAY)))
    }

    fn issue_pair(
        &mut self,
        scopes: &[String],
        previous: Option<Replaced>,
        now: DateTime<Utc>,
    ) -> Granted {
        let mut granted = self.issue(scopes, Some((now, ACCESS)));
        let token = self.secret("shprt_");
        granted.refresh_token = Some(token.clone());
        granted.refresh_token_expires_in = Some(REFRESH.num_seconds());
        let current = RefreshToken {
            token,
            scopes: scopes.to_vec(),
            expires: now + REFRESH,
        };
        self.refresh = Some(Refresh { current, previous });
        granted
    }

    fn issue(&mut self, scopes: &[String], life: Option<(DateTime<Utc>, TimeDelta)>) -> Granted {
        let access_token = self.secret("shpat_");
        let access = Access {
            scopes: expanded(scopes),
            expires: life.map(|(now, life)| now + life),
            is_outdated: false,
        };
        self.access.insert(access_token.clone(), access);
        let before = self.installed.replace(scopes.to_vec());
        Granted {
            access_token,
            scope: written(scopes),
            expires_in: life.map(|(_, life)| life.num_seconds()),
            refresh_token: None,
            refresh_token_expires_in: None,
            associated_user_scope: None,
            associated_user: None,
            previous_scopes: before.filter(|before| written(before) != written(scopes)),
        }
    }

    /// What `token` opens now.
    pub(crate) fn access(&self, token: &str, now: DateTime<Utc>) -> Option<&Access> {
        let access = self.access.get(token)?;
        access
            .expires
            .is_none_or(|expires| expires > now)
            .then_some(access)
    }

    /// Ends all tokens; the app stays installed.
    pub(crate) fn revoke(&mut self) {
        self.codes.clear();
        self.access.clear();
        self.refresh = None;
    }

    /// Ends all tokens and the installation. Tells whether there was one.
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
        Grants::new(Seeded::new(1, "a.myshopify.com"))
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

    fn pair(grants: &mut Grants) -> Granted {
        let code = code(grants);
        grants.exchange(&code, true, NOON).ok().unwrap()
    }

    fn refused(result: Result<Granted, Refusal>) -> Refusal {
        result.err().unwrap()
    }

    #[test]
    fn a_code_works_once_and_not_for_ever() {
        let mut grants = grants();
        let first = code(&mut grants);
        assert!(grants.exchange(&first, false, NOON).is_ok());
        assert_eq!(
            refused(grants.exchange(&first, false, NOON)),
            Refusal::InvalidCode
        );
        let old = code(&mut grants);
        assert_eq!(
            refused(grants.exchange(&old, false, NOON + CODE)),
            Refusal::InvalidCode
        );
    }

    #[test]
    fn expiring_tokens_expire_and_others_do_not() {
        let mut grants = grants();
        let expiring = pair(&mut grants).access_token;
        let lasting = grants.issue_static(&scopes()).access_token;
        let almost = NOON + ACCESS - TimeDelta::seconds(1);
        assert_eq!(
            grants.access(&expiring, almost).unwrap().scopes,
            ["write_products", "read_products"]
        );
        assert!(grants.access(&expiring, NOON + ACCESS).is_none());
        assert!(grants.access(&lasting, NOON + REFRESH).is_some());
    }

    #[test]
    fn a_lost_refresh_can_be_repeated_until_its_outcome_is_used() {
        let mut grants = grants();
        let first = pair(&mut grants).refresh_token.unwrap();
        let lost = grants.refresh(&first, NOON).ok().unwrap();
        let second = grants.refresh(&first, NOON).ok().unwrap();
        let lost = lost.refresh_token.unwrap();
        assert_eq!(
            refused(grants.refresh(&lost, NOON)),
            Refusal::InvalidSubjectToken
        );
        let second = second.refresh_token.unwrap();
        assert!(grants.refresh(&second, NOON).is_ok());
        assert_eq!(
            refused(grants.refresh(&first, NOON)),
            Refusal::InvalidSubjectToken
        );
        assert!(grants.refresh(&second, NOON + TimeDelta::days(29)).is_ok());
        assert_eq!(
            refused(grants.refresh(&second, NOON + RETRY)),
            Refusal::InvalidSubjectToken
        );
    }

    #[test]
    fn refresh_tokens_last_ninety_days_and_a_new_installation_retires_them() {
        let mut grants = grants();
        let first = pair(&mut grants).refresh_token.unwrap();
        assert_eq!(
            refused(grants.refresh(&first, NOON + REFRESH)),
            Refusal::InvalidSubjectToken
        );
        let second = pair(&mut grants).refresh_token.unwrap();
        assert_eq!(
            refused(grants.refresh(&first, NOON)),
            Refusal::InvalidSubjectToken
        );
        assert!(grants.refresh(&second, NOON).is_ok());
    }

    #[test]
    fn uninstalling_ends_every_token_at_once() {
        let mut grants = grants();
        assert!(!grants.uninstall());
        let granted = pair(&mut grants);
        let pending = code(&mut grants);
        assert!(grants.uninstall());
        assert!(grants.access(&granted.access_token, NOON).is_none());
        assert!(
            grants
                .refresh(&granted.refresh_token.unwrap(), NOON)
                .is_err()
        );
        assert!(grants.exchange(&pending, true, NOON).is_err());
        assert_eq!(grants.installed(), None);
    }

    #[test]
    fn other_scopes_than_before_are_noticed() {
        let mut grants = grants();
        assert_eq!(pair(&mut grants).previous_scopes, None);
        assert_eq!(pair(&mut grants).previous_scopes, None);
        let narrower = grants.client_credentials(&["read_products".to_owned()], NOON);
        assert_eq!(narrower.previous_scopes, Some(scopes()));
    }
}
