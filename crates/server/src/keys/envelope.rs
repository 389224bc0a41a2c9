//! Signs content that leaves the service and comes back, such as an OAuth state, together with its expiry.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sync_core::Timestamp;

use super::Keyring;

/// Content with an expiry. As text it is `content.signature`, both in base64url, so that it fits a URL or a cookie. The content
/// is JSON and can be read by everyone; the purpose is in the key of the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// Until when it is valid, in seconds since 1970-01-01 UTC.
    pub expiry: i64,
    /// The content, a struct.
    #[serde(flatten)]
    pub payload: T,
}

/// Why a text is not a valid envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvelope {
    /// It was not signed with these keys, or it was altered.
    #[error("the signature is wrong")]
    Forged,
    /// It has expired.
    #[error("it has expired")]
    Expired,
}

impl<T> Envelope<T> {
    /// An envelope that is valid for `lifetime` from now.
    pub fn new(payload: T, now: Timestamp, lifetime: Duration) -> Self {
        Self {
            expiry: (now + lifetime).timestamp(),
            payload,
        }
    }
}

impl<T: Serialize> Envelope<T> {
    /// The signed text.
    ///
    /// # Panics
    /// If the payload is not a struct or a map with text keys.
    pub fn sign(&self, keys: &Keyring) -> String {
        let content = serde_json::to_vec(self).expect("the payload is a struct");
        let tag = keys.sign(&content);
        let [content, tag] = [&content[..], tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{content}.{tag}")
    }
}

impl<T: DeserializeOwned> Envelope<T> {
    /// Verifies a signed text.
    ///
    /// # Errors
    /// See [`InvalidEnvelope`].
    pub fn verify(text: &str, keys: &Keyring, now: Timestamp) -> Result<Self, InvalidEnvelope> {
        let parts = text.split_once('.').ok_or(InvalidEnvelope::Forged)?;
        let decode = |part| URL_SAFE_NO_PAD.decode(part);
        let (Ok(content), Ok(tag)) = (decode(parts.0), decode(parts.1)) else {
            return Err(InvalidEnvelope::Forged);
        };
        if !keys.verify(&content, &tag) {
            return Err(InvalidEnvelope::Forged);
        }
        // Signed content of another shape is that of another release.
        let envelope: Self =
            serde_json::from_slice(&content).map_err(|_| InvalidEnvelope::Forged)?;
        if envelope.expiry < now.timestamp() {
            return Err(InvalidEnvelope::Expired);
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::VersionedSecret;

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    struct Note {
        text: String,
    }

    fn keys(secret: &str) -> Keyring {
        Keyring::derive(&secret.into(), "note")
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-11-24T{time}Z").parse().unwrap()
    }

    fn note() -> Envelope<Note> {
        let text = "hello".to_owned();
        Envelope::new(Note { text }, at("10:00:00"), Duration::from_mins(10))
    }

    #[test]
    fn an_envelope_is_valid_until_it_expires() {
        let keys = keys("secret");
        let signed = note().sign(&keys);
        let verify = |time| Envelope::<Note>::verify(&signed, &keys, at(time));
        assert_eq!(verify("10:10:00"), Ok(note()));
        assert_eq!(verify("10:10:01"), Err(InvalidEnvelope::Expired));
    }

    #[test]
    fn altered_and_foreign_envelopes_are_rejected() {
        let now = at("10:00:00");
        let signed = note().sign(&keys("secret"));
        let (content, tag) = signed.split_once('.').unwrap();
        let later = Envelope {
            expiry: note().expiry + 1,
            ..note()
        };
        let later = later.sign(&keys("other"));
        let (later, _) = later.split_once('.').unwrap();
        let other_purpose = Keyring::derive(&"secret".into(), "another");
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            "ä.ö",
            content,
            &format!("{content}."),
            &format!(".{tag}"),
            &format!("{later}.{tag}"),
            &format!("{}A.{tag}", &content[..content.len() - 1]),
            &format!("{signed}."),
            &signed[1..],
            &note().sign(&keys("other")),
            &note().sign(&other_purpose),
        ] {
            let verified = Envelope::<Note>::verify(bad, &keys("secret"), now);
            assert_eq!(verified, Err(InvalidEnvelope::Forged), "{bad}");
        }
    }

    #[test]
    fn a_rotation_of_the_secret_keeps_valid_envelopes() {
        let now = at("10:00:00");
        let signed = note().sign(&keys("old"));
        let rotated = VersionedSecret {
            current: "new".into(),
            previous: vec!["old".into()],
        };
        let rotated = Keyring::derive(&rotated, "note");
        assert_eq!(Envelope::verify(&signed, &rotated, now), Ok(note()));
        let expired = Envelope::<Note>::verify(&signed, &rotated, at("10:10:01"));
        assert_eq!(expired, Err(InvalidEnvelope::Expired));
        let forgotten = Envelope::<Note>::verify(&signed, &keys("new"), now);
        assert_eq!(forgotten, Err(InvalidEnvelope::Forged));
    }
}
