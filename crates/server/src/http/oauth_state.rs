//! Issues and verifies the OAuth `state` of an installation in progress. See `docs/adr/0004-oauth-state.md`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::SecretString;
use sync_core::{ShopDomain, Timestamp};

use crate::keys::hmac_key;

/// How many used states are remembered; beyond that, those that expire first are forgotten.
const MAX_USED_STATES: usize = 10_000;

/// Why a state is rejected. In each case the visitor has to begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidState {
    /// It was not issued here, or for another shop.
    #[error("the state was not issued by this service for this shop")]
    Forged,
    /// It has expired.
    #[error("the state has expired")]
    Expired,
    /// It has been used already.
    #[error("the state has been used already")]
    Used,
    /// It was issued to another browser.
    #[error("the state was issued to another browser")]
    OtherBrowser,
}

/// Issues and verifies states: `expiry.nonce.signature`, bound to a shop, valid once.
pub struct StateTokens {
    signing: hmac::Key,
    cookies: hmac::Key,
    lifetime: Duration,
    used: Mutex<BTreeSet<(i64, String)>>,
}

impl std::fmt::Debug for StateTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateTokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl StateTokens {
    /// Issues states that are valid for `lifetime`, signed with keys derived from `secret`.
    pub fn new(secret: &SecretString, lifetime: Duration) -> Self {
        Self {
            signing: hmac_key(secret, "oauth state"),
            cookies: hmac_key(secret, "oauth state cookie"),
            lifetime,
            used: Mutex::default(),
        }
    }

    /// How long a state is valid.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Issues a state for this shop.
    pub fn issue(&self, shop: &ShopDomain, now: Timestamp) -> String {
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let expiry = (now + self.lifetime).timestamp();
        let tag = hmac::sign(&self.signing, &signed_message(shop, expiry, &nonce));
        format!("{expiry}.{nonce}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The name and value of the cookie that binds this state to the browser it was issued to.
    ///
    /// The name differs for each state, so that one browser can run two installations at once.
    pub fn cookie(&self, state: &str) -> (String, String) {
        let tag = hmac::sign(&self.cookies, state.as_bytes());
        let nonce = state.split('.').nth(1).unwrap_or_default();
        let name = format!("shopsync_state_{}", nonce.get(..8).unwrap_or_default());
        (name, URL_SAFE_NO_PAD.encode(tag))
    }

    /// Checks that `cookie` is the value from [`StateTokens::cookie`].
    ///
    /// # Errors
    /// If it is not.
    pub fn check_cookie(&self, state: &str, cookie: &str) -> Result<(), InvalidState> {
        URL_SAFE_NO_PAD
            .decode(cookie)
            .ok()
            .and_then(|tag| hmac::verify(&self.cookies, state.as_bytes(), &tag).ok())
            .ok_or(InvalidState::OtherBrowser)
    }

    /// Checks that the state was issued here for this shop and has not expired.
    ///
    /// # Errors
    /// If it was not, or has expired.
    pub fn check(
        &self,
        state: &str,
        shop: &ShopDomain,
        now: Timestamp,
    ) -> Result<(), InvalidState> {
        let (expiry, nonce, tag) = split_state(state).ok_or(InvalidState::Forged)?;
        let tag = URL_SAFE_NO_PAD
            .decode(tag)
            .map_err(|_| InvalidState::Forged)?;
        hmac::verify(&self.signing, &signed_message(shop, expiry, nonce), &tag)
            .map_err(|_| InvalidState::Forged)?;
        if expiry < now.timestamp() {
            return Err(InvalidState::Expired);
        }
        Ok(())
    }

    /// Marks a state as used, after [`StateTokens::check`] has accepted it.
    ///
    /// # Errors
    /// If it was used before.
    pub fn consume(&self, state: &str, now: Timestamp) -> Result<(), InvalidState> {
        let (expiry, nonce, _) = split_state(state).ok_or(InvalidState::Forged)?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        // Expired states can be forgotten: `check` rejects them.
        *used = used.split_off(&(now.timestamp(), String::new()));
        if !used.insert((expiry, nonce.to_owned())) {
            return Err(InvalidState::Used);
        }
        if used.len() > MAX_USED_STATES {
            used.pop_first();
        }
        Ok(())
    }
}

fn split_state(state: &str) -> Option<(i64, &str, &str)> {
    let mut parts = state.split('.');
    let (expiry, nonce, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let expiry = expiry.parse().ok()?;
    parts.next().is_none().then_some((expiry, nonce, tag))
}

fn signed_message(shop: &ShopDomain, expiry: i64, nonce: &str) -> Vec<u8> {
    format!("{shop}\n{expiry}\n{nonce}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> StateTokens {
        StateTokens::new(&SecretString::from("secret"), Duration::from_mins(10))
    }

    fn shop(name: &str) -> ShopDomain {
        format!("{name}.myshopify.com").parse().unwrap()
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-11-24T{time}Z").parse().unwrap()
    }

    #[test]
    fn a_state_is_valid_once_for_its_shop_until_it_expires() {
        let (states, now) = (states(), at("10:00:00"));
        let state = states.issue(&shop("a"), now);
        assert_eq!(states.check(&state, &shop("a"), at("10:10:00")), Ok(()));
        assert_eq!(
            states.check(&state, &shop("b"), now),
            Err(InvalidState::Forged)
        );
        let late = states.check(&state, &shop("a"), at("10:10:01"));
        assert_eq!(late, Err(InvalidState::Expired));
        assert_eq!(states.consume(&state, now), Ok(()));
        assert_eq!(states.consume(&state, now), Err(InvalidState::Used));
    }

    #[test]
    fn altered_states_are_rejected() {
        let (states, now) = (states(), at("10:00:00"));
        let state = states.issue(&shop("a"), now);
        let (expiry, rest) = state.split_once('.').unwrap();
        let later = format!("{}.{rest}", expiry.parse::<i64>().unwrap() + 1);
        let other = StateTokens::new(&SecretString::from("other"), Duration::from_mins(10));
        let foreign = other.issue(&shop("a"), now);
        for bad in [
            "",
            ".",
            "..",
            "1.a.b.c",
            "x.y.z",
            &later,
            &foreign,
            &state[1..],
            &format!("{state}."),
        ] {
            let checked = states.check(bad, &shop("a"), now);
            assert_eq!(checked, Err(InvalidState::Forged), "{bad}");
        }
    }

    #[test]
    fn a_cookie_belongs_to_one_state() {
        let (states, now) = (states(), at("10:00:00"));
        let (one, two) = (states.issue(&shop("a"), now), states.issue(&shop("a"), now));
        let ((name_one, value_one), (name_two, _)) = (states.cookie(&one), states.cookie(&two));
        assert_ne!(name_one, name_two);
        assert_eq!(states.check_cookie(&one, &value_one), Ok(()));
        for (state, cookie) in [(&two, value_one.as_str()), (&one, ""), (&one, "äö")] {
            let checked = states.check_cookie(state, cookie);
            assert_eq!(checked, Err(InvalidState::OtherBrowser));
        }
        // The state's signature is not accepted as its cookie.
        let signature = one.rsplit('.').next().unwrap();
        assert!(states.check_cookie(&one, signature).is_err());
    }

    #[test]
    fn the_number_of_remembered_states_is_bounded() {
        let (states, now) = (states(), at("10:00:00"));
        for _ in 0..MAX_USED_STATES + 10 {
            states.consume(&states.issue(&shop("a"), now), now).unwrap();
        }
        assert_eq!(states.used.lock().unwrap().len(), MAX_USED_STATES);
        let later = at("11:00:00");
        states
            .consume(&states.issue(&shop("a"), later), later)
            .unwrap();
        assert_eq!(states.used.lock().unwrap().len(), 1);
    }
}
