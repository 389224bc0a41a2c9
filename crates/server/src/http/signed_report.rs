//! Signs an installation's result into the report URL, so that the report page needs no stored state.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sync_core::Timestamp;

use crate::installation::InstallationResult;
use crate::keys::{Envelope, Keyring, VersionedSecret};

/// How long a report URL is valid.
const LIFETIME: Duration = Duration::from_hours(1);

/// Signs and verifies installation results.
#[derive(Debug)]
pub(super) struct SignedReports(Keyring);

#[derive(Serialize, Deserialize)]
struct Report {
    /// The name in the URLs in use.
    #[serde(rename = "installed")]
    result: InstallationResult,
}

impl SignedReports {
    /// Signs with a key derived from `secret`. The purpose is part of the key: changing it invalidates the URLs in use.
    pub(super) fn new(secret: &VersionedSecret) -> Self {
        Self(Keyring::derive(secret, "installation receipt"))
    }

    /// The signed report on this installation, valid for an hour.
    pub(super) fn sign(&self, result: &InstallationResult, now: Timestamp) -> String {
        let result = result.clone();
        Envelope::new(Report { result }, now, LIFETIME).sign(&self.0)
    }

    /// The installation's result; `None` if the signature is wrong or the report has expired.
    pub(super) fn verify(&self, report: &str, now: Timestamp) -> Option<InstallationResult> {
        let report = Envelope::<Report>::verify(report, &self.0, now).ok()?;
        Some(report.payload.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::sample;

    #[test]
    fn a_report_is_valid_for_an_hour() {
        let at = |time: &str| format!("2026-11-24T{time}Z").parse().unwrap();
        let signed_reports = SignedReports::new(&"secret".into());
        let report = signed_reports.sign(&sample::result(), at("10:00:00"));
        assert_eq!(
            signed_reports.verify(&report, at("11:00:00")),
            Some(sample::result())
        );
        assert_eq!(signed_reports.verify(&report, at("11:00:01")), None);
        let other = SignedReports::new(&"other".into());
        assert_eq!(other.verify(&report, at("10:00:00")), None);
    }
}
