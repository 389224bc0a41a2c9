//! Signs an installation's result into the report URL, so that the report page needs no stored state.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sync_core::Timestamp;

use crate::installation::InstallationResult;
use crate::keys::hmac_key;

/// How long a report URL is valid.
const LIFETIME: Duration = Duration::from_hours(1);

/// Signs and verifies installation results: `content.signature`, both in base64url.
pub(super) struct SignedReports(hmac::Key);

impl std::fmt::Debug for SignedReports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedReports")
    }
}

#[derive(Serialize, Deserialize)]
struct SignedContent {
    expiry: i64,
    /// The name in the URLs in use.
    #[serde(rename = "installed")]
    result: InstallationResult,
}

impl SignedReports {
    /// Signs with a key derived from `secret`. The purpose is part of the key: changing it invalidates the URLs in use.
    pub(super) fn new(secret: &SecretString) -> Self {
        Self(hmac_key(secret, "installation receipt"))
    }

    /// The signed report on this installation, valid for an hour.
    ///
    /// # Panics
    /// Never: the content has no map with non-string keys.
    pub(super) fn sign(&self, result: &InstallationResult, now: Timestamp) -> String {
        let content = SignedContent {
            expiry: (now + LIFETIME).timestamp(),
            result: result.clone(),
        };
        let content = serde_json::to_vec(&content).expect("plain structs serialize");
        let tag = hmac::sign(&self.0, &content);
        let [content, tag] = [&content[..], tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{content}.{tag}")
    }

    /// The installation's result; `None` if the signature is wrong or the report has expired.
    pub(super) fn verify(&self, report: &str, now: Timestamp) -> Option<InstallationResult> {
        let (content, tag) = report.split_once('.')?;
        let [content, tag] = [content, tag].map(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let (content, tag) = (content?, tag?);
        hmac::verify(&self.0, &content, &tag).ok()?;
        let content: SignedContent = serde_json::from_slice(&content).ok()?;
        (now.timestamp() <= content.expiry).then_some(content.result)
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
    fn a_report_is_valid_until_it_expires() {
        let signed_reports = SignedReports::new(&"secret".into());
        let report = signed_reports.sign(&sample::result(), at("10:00:00"));
        assert_eq!(
            signed_reports.verify(&report, at("11:00:00")),
            Some(sample::result())
        );
        assert_eq!(signed_reports.verify(&report, at("11:00:01")), None);
    }

    #[test]
    fn forged_reports_are_rejected() {
        let signed_reports = SignedReports::new(&"secret".into());
        let now = at("10:00:00");
        let report = signed_reports.sign(&sample::result(), now);
        let foreign = SignedReports::new(&"other".into()).sign(&sample::result(), now);
        let (content, tag) = report.split_once('.').unwrap();
        let altered = format!("{}A.{tag}", &content[..content.len() - 1]);
        for bad in [
            "",
            ".",
            "a.b",
            content,
            &altered,
            &foreign,
            &format!("{report}."),
        ] {
            assert_eq!(signed_reports.verify(bad, now), None, "{bad}");
        }
    }
}
