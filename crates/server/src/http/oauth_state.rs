//! Issues and verifies the OAuth `state` of an installation in progress. See `docs/adr/0004-oauth-state.md`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sync_core::{ShopDomain, Timestamp};

use crate::keys::{Envelope, InvalidEnvelope, Keyring, VersionedSecret};

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

impl From<InvalidEnvelope> for InvalidState {
    fn from(invalid: InvalidEnvelope) -> Self {
        match invalid {
            InvalidEnvelope::Forged => Self::Forged,
            InvalidEnvelope::Expired => Self::Expired,
        }
    }
}

/// A state that was issued here for a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    text: String,
    content: Envelope<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    shop: ShopDomain,
    nonce: String,
}

impl State {
    /// The signed text, which Shopify passes back.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the cookie that binds the state to a browser. It differs for each state, so that one browser can run two
    /// installations at once.
    pub fn cookie_name(&self) -> String {
        let nonce = self.content.payload.nonce.get(..8).unwrap_or_default();
        format!("shopsync_state_{nonce}")
    }
}

/// Issues and verifies states: signed, bound to a shop, valid for a time and once.
#[derive(Debug)]
pub struct StateTokens {
    states: Keyring,
    cookies: Keyring,
    lifetime: Duration,
    used: Mutex<BTreeSet<(i64, String)>>,
}

impl StateTokens {
    /// Issues states that are valid for `lifetime`, signed with keys derived from `secret`.
    pub fn new(secret: &VersionedSecret, lifetime: Duration) -> Self {
        Self {
            states: Keyring::derive(secret, "oauth state"),
            cookies: Keyring::derive(secret, "oauth state cookie"),
            lifetime,
            used: Mutex::default(),
        }
    }

    /// How long a state is valid.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Issues a state for this shop.
    pub fn issue(&self, shop: &ShopDomain, now: Timestamp) -> State {
        let content = Content {
            shop: shop.clone(),
            nonce: hex::encode(rand::random::<[u8; 16]>()),
        };
        let content = Envelope::new(content, now, self.lifetime);
        State {
            text: content.sign(&self.states),
            content,
        }
    }

    /// Checks that the state was issued here for this shop and has not expired.
    ///
    /// # Errors
    /// If it was not, or has expired.
    pub fn verify(
        &self,
        text: &str,
        shop: &ShopDomain,
        now: Timestamp,
    ) -> Result<State, InvalidState> {
        let content = Envelope::<Content>::verify(text, &self.states, now)?;
        if content.payload.shop != *shop {
            return Err(InvalidState::Forged);
        }
        Ok(State {
            text: text.to_owned(),
            content,
        })
    }

    /// The value of the cookie that binds this state to the browser it was issued to.
    pub fn cookie_value(&self, state: &State) -> String {
        URL_SAFE_NO_PAD.encode(self.cookies.sign(state.text.as_bytes()))
    }

    /// Checks that `cookie` is the value from [`StateTokens::cookie_value`].
    ///
    /// # Errors
    /// If it is not.
    pub fn check_cookie(&self, state: &State, cookie: &str) -> Result<(), InvalidState> {
        let tag = URL_SAFE_NO_PAD.decode(cookie);
        tag.ok()
            .filter(|tag| self.cookies.verify(state.text.as_bytes(), tag))
            .map(drop)
            .ok_or(InvalidState::OtherBrowser)
    }

    /// Marks a state as used.
    ///
    /// # Errors
    /// If this process has accepted it before.
    pub fn consume(&self, state: &State, now: Timestamp) -> Result<(), InvalidState> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        // Expired states can be forgotten: `verify` rejects them.
        *used = used.split_off(&(now.timestamp(), String::new()));
        let Envelope { expiry, payload } = &state.content;
        if !used.insert((*expiry, payload.nonce.clone())) {
            return Err(InvalidState::Used);
        }
        if used.len() > MAX_USED_STATES {
            used.pop_first();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states() -> StateTokens {
        StateTokens::new(&"secret".into(), Duration::from_mins(10))
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
        let issued = states.issue(&shop("a"), now);
        let verify = |name, time| states.verify(issued.as_str(), &shop(name), at(time));
        assert_eq!(verify("a", "10:10:00"), Ok(issued.clone()));
        assert_eq!(verify("b", "10:00:00"), Err(InvalidState::Forged));
        assert_eq!(verify("a", "10:10:01"), Err(InvalidState::Expired));
        assert_eq!(states.consume(&issued, now), Ok(()));
        assert_eq!(states.consume(&issued, now), Err(InvalidState::Used));
    }

    #[test]
    fn altered_and_foreign_states_are_rejected() {
        let (states, now) = (states(), at("10:00:00"));
        let issued = states.issue(&shop("a"), now);
        let other = StateTokens::new(&"other".into(), Duration::from_mins(10));
        let foreign = other.issue(&shop("a"), now);
        for bad in ["", "x", &issued.as_str()[1..], foreign.as_str()] {
            let verified = states.verify(bad, &shop("a"), now);
            assert_eq!(verified, Err(InvalidState::Forged), "{bad}");
        }
    }

    #[test]
    fn a_cookie_belongs_to_one_state() {
        let (states, now) = (states(), at("10:00:00"));
        let (one, two) = (states.issue(&shop("a"), now), states.issue(&shop("a"), now));
        assert_ne!(one.cookie_name(), two.cookie_name());
        let cookie = states.cookie_value(&one);
        assert_eq!(states.check_cookie(&one, &cookie), Ok(()));
        for (state, cookie) in [(&two, cookie.as_str()), (&one, ""), (&one, "äö")] {
            let checked = states.check_cookie(state, cookie);
            assert_eq!(checked, Err(InvalidState::OtherBrowser));
        }
        // The state's signature is not accepted as its cookie.
        let signature = one.as_str().rsplit('.').next().unwrap();
        assert!(states.check_cookie(&one, signature).is_err());
    }

    #[test]
    fn a_rotation_of_the_secret_keeps_states_and_their_cookies() {
        let (before, now) = (states(), at("10:00:00"));
        let issued = before.issue(&shop("a"), now);
        let cookie = before.cookie_value(&issued);
        let rotated = VersionedSecret {
            current: "new".into(),
            previous: vec!["secret".into()],
        };
        let rotated = StateTokens::new(&rotated, Duration::from_mins(10));
        let verified = rotated.verify(issued.as_str(), &shop("a"), now).unwrap();
        assert_eq!(verified.cookie_name(), issued.cookie_name());
        assert_eq!(rotated.check_cookie(&verified, &cookie), Ok(()));
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
