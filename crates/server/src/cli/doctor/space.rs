//! Checks that objects can be written, read and deleted in the Space.

use spaces_store::error::TransportKind;
use spaces_store::{Capabilities, Error, Store};
use sync_core::error_chain;

use super::report::Report;
use super::with_timeout;
use crate::settings::{Settings, non_empty};

const SUBJECT: &str = "space";

/// Writes, reads and deletes a test object. Returns the store if that succeeds.
pub(super) async fn examine(settings: &Settings, report: &mut Report) -> Option<Store> {
    let spaces = &settings.spaces;
    let is_set = non_empty(&spaces.access_key).is_some()
        && non_empty(&spaces.secret_key).is_some()
        && !spaces.bucket.is_empty();
    if !is_set {
        report.skip(
            SUBJECT,
            "not checked: the access keys or the bucket are not set",
        );
        return None;
    }
    let place = format!("bucket {} at {}", spaces.bucket, spaces.endpoint_url());
    let store = match super::store(settings) {
        Ok(store) => store,
        Err(error) => {
            report.fail(SUBJECT, error_chain(&error), "check the SPACES_… settings");
            return None;
        }
    };
    match with_timeout(spaces_store::probe(store.backend())).await {
        Some(Ok(capabilities)) => report_capabilities(&place, capabilities, report),
        Some(Err(error)) => {
            let detail = format!("{place}: {}", error_chain(&error));
            report.fail(SUBJECT, detail, remedy_for(&error));
            return None;
        }
        None => {
            report.fail(
                SUBJECT,
                format!("{place}: no response in time"),
                CHECK_NETWORK,
            );
            return None;
        }
    }
    Some(store)
}

fn report_capabilities(place: &str, capabilities: Capabilities, report: &mut Report) {
    let detail = format!("{place}: a test object was written, read and deleted");
    if capabilities.metadata {
        report.ok(SUBJECT, detail);
    } else {
        report.warn(
            SUBJECT,
            format!("{detail}, but its metadata was lost: every comparison must read the whole document"),
            "nothing, if the store does not support metadata; otherwise check whether a proxy drops the x-amz-meta-… headers",
        );
    }
}

const CHECK_NETWORK: &str =
    "check SPACES_ENDPOINT and SPACES_REGION, and that this machine reaches the network";

/// Returns what a person can do about the error.
fn remedy_for(error: &Error) -> String {
    match error {
        Error::WrongCredentials { .. } => {
            "set SPACES_ACCESS_KEY and SPACES_SECRET_KEY to a key pair from the control panel: Spaces Object Storage, Access Keys"
                .to_owned()
        }
        Error::AccessDenied { .. } => {
            "give the key read, write and delete permission in this bucket; check the bucket's policy and quota".to_owned()
        }
        Error::NoSuchBucket { .. } => {
            "create the bucket, or correct SPACES_BUCKET, SPACES_REGION and SPACES_ENDPOINT".to_owned()
        }
        Error::WrongEndpoint { .. } => {
            "set SPACES_REGION, and SPACES_ENDPOINT if you set it, to the region of the bucket".to_owned()
        }
        Error::ClockSkewed { store_ahead } => {
            let by = store_ahead.map_or_else(String::new, |ahead| {
                let seconds = ahead.num_seconds();
                let word = if seconds < 0 { "ahead" } else { "behind" };
                format!(": it is {} seconds {word}", seconds.abs())
            });
            format!("correct this machine's clock{by}")
        }
        Error::Transport { kind: TransportKind::Tls, .. } => {
            "add the certificate's authority to the trusted certificates of this machine, or fix the certificate".to_owned()
        }
        Error::Transport { .. } => CHECK_NETWORK.to_owned(),
        _ if error.is_retryable() => "try again later".to_owned(),
        _ => "check the SPACES_… settings".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_for_a_skewed_clock_names_its_direction() {
        for (ahead, word) in [
            (-3_600, "3600 seconds ahead"),
            (3_600, "3600 seconds behind"),
        ] {
            let error = Error::ClockSkewed {
                store_ahead: Some(chrono::TimeDelta::seconds(ahead)),
            };
            assert!(remedy_for(&error).ends_with(word), "{}", remedy_for(&error));
        }
    }

    #[test]
    fn each_error_has_its_own_remedy() {
        let errors = [
            Error::WrongCredentials { code: "x".into() },
            Error::AccessDenied { code: "x".into() },
            Error::NoSuchBucket { bucket: "b".into() },
            Error::WrongEndpoint { code: "x".into() },
            Error::ClockSkewed { store_ahead: None },
        ];
        let remedies: std::collections::BTreeSet<_> = errors.iter().map(remedy_for).collect();
        assert_eq!(remedies.len(), errors.len());
    }
}
