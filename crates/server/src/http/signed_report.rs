//! What a browser keeps of an installation: signed, so that the page of the report needs no memory here.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sync_core::Timestamp;

use crate::installation::InstallationResult;
use crate::keys::hmac_key;

/// How long the page of a report can be loaded.
const LIFETIME: Duration = Duration::from_hours(1);

/// Issues and reads signed reports: `content.signature`, in base64url.
pub(super) struct SignedReports(hmac::Key);

impl std::fmt::Debug for SignedReports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedReports")
    }
}

#[derive(Serialize, Deserialize)]
struct SignedContent {
    expiry: i64,
    installed: InstallationResult,
}

impl SignedReports {
    /// SignedReports signed by a key derived from `secret`.
    pub(super) fn new(secret: &SecretString) -> Self {
        Self(hmac_key(secret, "installation receipt"))
    }

    /// A report for this installation.
    ///
    /// # Panics
    /// Never: its content has no map with other keys than texts.
    pub(super) fn sign(&self, installed: &InstallationResult, now: Timestamp) -> String {
        let content = SignedContent {
            expiry: (now + LIFETIME).timestamp(),
            installed: installed.clone(),
        };
        let content = serde_json::to_vec(&content).expect("plain structs are written");
        let tag = hmac::sign(&self.0, &content);
        let [content, tag] = [&content[..], tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{content}.{tag}")
    }

    /// The installation of a report; `None` if it was not issued here, or too long ago.
    pub(super) fn verify(&self, report: &str, now: Timestamp) -> Option<InstallationResult> {
        let (content, tag) = report.split_once('.')?;
        let [content, tag] = [content, tag].map(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let (content, tag) = (content?, tag?);
        hmac::verify(&self.0, &content, &tag).ok()?;
        let content: SignedContent = serde_json::from_slice(&content).ok()?;
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
