//! What a browser keeps of an installation: signed, so that the page of the report needs no memory here.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sync_core::Timestamp;

use crate::installation::Installed;
use crate::keys::hmac_key;

/// How long the page of a report can be loaded.
const LIFETIME: Duration = Duration::from_hours(1);

/// Issues and reads receipts: `content.signature`, in base64url.
pub(super) struct Receipts(hmac::Key);

impl std::fmt::Debug for Receipts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipts")
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    expiry: i64,
    installed: Installed,
}

impl Receipts {
    /// Receipts signed by a key derived from `secret`.
    pub(super) fn new(secret: &SecretString) -> Self {
        Self(hmac_key(secret, "installation receipt"))
    }

    /// A receipt for this installation.
    ///
    /// # Panics
    /// Never: its content has no map with other keys than texts.
    pub(super) fn issue(&self, installed: &Installed, now: Timestamp) -> String {
        let content = Content {
            expiry: (now + LIFETIME).timestamp(),
            installed: installed.clone(),
        };
        let content = serde_json::to_vec(&content).expect("plain structs are written");
        let tag = hmac::sign(&self.0, &content);
        let [content, tag] = [&content[..], tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{content}.{tag}")
    }

    /// The installation of a receipt; `None` if it was not issued here, or too long ago.
    pub(super) fn read(&self, receipt: &str, now: Timestamp) -> Option<Installed> {
        let (content, tag) = receipt.split_once('.')?;
        let [content, tag] = [content, tag].map(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let (content, tag) = (content?, tag?);
        hmac::verify(&self.0, &content, &tag).ok()?;
        let content: Content = serde_json::from_slice(&content).ok()?;
        (now.timestamp() <= content.expiry).then_some(content.installed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::sample;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-24T{time}Z").parse().unwrap()
    }

    #[test]
    fn a_receipt_is_read_back_until_it_expires() {
        let receipts = Receipts::new(&"secret".into());
        let receipt = receipts.issue(&sample::installed(), at("10:00:00"));
        assert_eq!(
            receipts.read(&receipt, at("11:00:00")),
            Some(sample::installed())
        );
        assert_eq!(receipts.read(&receipt, at("11:00:01")), None);
    }

    #[test]
    fn forged_receipts_are_refused() {
        let receipts = Receipts::new(&"secret".into());
        let now = at("10:00:00");
        let receipt = receipts.issue(&sample::installed(), now);
        let foreign = Receipts::new(&"other".into()).issue(&sample::installed(), now);
        let (content, tag) = receipt.split_once('.').unwrap();
        let altered = format!("{}A.{tag}", &content[..content.len() - 1]);
        for bad in [
            "",
            ".",
            "a.b",
            content,
            &altered,
            &foreign,
            &format!("{receipt}."),
        ] {
            assert_eq!(receipts.read(bad, now), None, "{bad}");
        }
    }
}
