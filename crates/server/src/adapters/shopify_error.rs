//! Converts errors of `shopify-client` into port errors, and chooses whether a run retries, fails or marks the shop
//! unavailable.

use shopify_client::Error;
use shopify_client::bulk::BulkError;
use sync_core::{Disposition, PortError, UnavailableReason};

/// Converts an error of Shopify into a port error.
pub fn shopify_error(operation: &'static str, error: Error) -> PortError {
    PortError::new(operation, disposition(&error), error)
}

fn disposition(error: &Error) -> Disposition {
    use UnavailableReason::{Forbidden, Frozen, Locked, NotFound, Unauthorized};
    let unavailable = |reason| Disposition::ShopUnavailable { reason };
    match error {
        Error::Unauthorized | Error::Reauthorize => unavailable(Unauthorized),
        Error::AccessDenied { .. } => unavailable(Forbidden),
        Error::Bulk(error) if is_denied(error) => unavailable(Forbidden),
        Error::ShopFrozen => unavailable(Frozen),
        Error::ShopLocked => unavailable(Locked),
        Error::NotFound => unavailable(NotFound),
        _ if error.is_retryable() => Disposition::Retry {
            after: error.retry_after(),
        },
        // Waiting gives no token: there is none, or it is sealed with a key that is no longer configured.
        Error::Token(_) => unavailable(Unauthorized),
        // The catalogue changed while it was read, or the response was truncated; the next run reads it again.
        Error::BrokenPaging { .. } => Disposition::Retry { after: None },
        _ => Disposition::Fail,
    }
}

/// Whether the app may not run bulk operations, or may not read what this one reads.
fn is_denied(error: &BulkError) -> bool {
    match error {
        BulkError::Unavailable { .. } => true,
        BulkError::Failed { code, .. } => code.as_deref() == Some("ACCESS_DENIED"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shopify_client::{Gid, GraphQlError, TokenError};

    use super::*;

    fn graph_ql(code: &str) -> Error {
        Error::GraphQl {
            operation: "Products",
            errors: vec![GraphQlError {
                message: "no".into(),
                code: Some(code.into()),
            }],
        }
    }

    fn token(retryable: bool) -> Error {
        Error::Token(if retryable {
            TokenError::temporary("no token")
        } else {
            TokenError::permanent("no token")
        })
    }

    #[test]
    fn errors_map_to_their_dispositions() {
        use UnavailableReason::{Forbidden, Frozen, Locked, NotFound, Unauthorized};
        let unavailable = |reason| Disposition::ShopUnavailable { reason };
        let retry = |after| Disposition::Retry { after };
        let after = Some(Duration::from_secs(9));
        let operation = "Products";
        for (error, expected) in [
            (Error::Unauthorized, unavailable(Unauthorized)),
            (Error::Reauthorize, unavailable(Unauthorized)),
            (
                Error::AccessDenied {
                    message: "scope".into(),
                },
                unavailable(Forbidden),
            ),
            (Error::ShopFrozen, unavailable(Frozen)),
            (Error::ShopLocked, unavailable(Locked)),
            (Error::NotFound, unavailable(NotFound)),
            (token(true), retry(None)),
            (token(false), unavailable(Unauthorized)),
            (
                Error::Throttled {
                    operation,
                    retry_after: after,
                },
                retry(after),
            ),
            (
                Error::SecurityRejection,
                retry(Some(Duration::from_mins(10))),
            ),
            (
                Error::Transport {
                    operation,
                    timed_out: true,
                    source: "late".into(),
                },
                retry(None),
            ),
            (
                Error::Status {
                    operation,
                    status: 502,
                    request_id: None,
                },
                retry(None),
            ),
            (
                Error::Status {
                    operation,
                    status: 400,
                    request_id: None,
                },
                Disposition::Fail,
            ),
            (Error::BrokenPaging { operation }, retry(None)),
            (
                Error::Incomplete {
                    operation,
                    expected: 2,
                    found: 1,
                },
                retry(None),
            ),
            (graph_ql("INTERNAL_SERVER_ERROR"), retry(None)),
            (graph_ql("undefinedField"), Disposition::Fail),
            (
                Error::MaxCostExceeded {
                    operation,
                    cost: None,
                },
                Disposition::Fail,
            ),
            (
                Error::Decode {
                    operation,
                    path: "data".into(),
                    source: "odd".into(),
                },
                Disposition::Fail,
            ),
            (
                Error::UserErrors {
                    operation,
                    errors: Vec::new(),
                },
                Disposition::Fail,
            ),
        ] {
            let text = error.to_string();
            let mapped = shopify_error("read the products", error);
            assert_eq!(mapped.disposition, expected, "{text}");
        }
    }

    #[test]
    fn bulk_errors_map_to_their_dispositions() {
        let forbidden = Disposition::ShopUnavailable {
            reason: UnavailableReason::Forbidden,
        };
        let retry = Disposition::Retry { after: None };
        let id = || Gid::new("BulkOperation", 1);
        let failed = |code: Option<&str>| BulkError::Failed {
            id: id(),
            code: code.map(str::to_owned),
        };
        let message = || "no".to_owned();
        for (error, expected) in [
            (BulkError::Unavailable { message: message() }, forbidden),
            (failed(Some("ACCESS_DENIED")), forbidden),
            (failed(Some("INTERNAL_SERVER_ERROR")), retry),
            (failed(Some("TIMEOUT")), retry),
            (failed(None), retry),
            (BulkError::Busy, retry),
            (BulkError::Canceled { id: id() }, retry),
            (BulkError::Expired { id: id() }, retry),
            (BulkError::TimedOut { id: id() }, retry),
            (BulkError::UrlExpired { status: 403 }, retry),
            (
                BulkError::Download {
                    reason: message(),
                    source: None,
                },
                retry,
            ),
            (
                BulkError::LengthMismatch {
                    expected: 2,
                    found: 1,
                },
                retry,
            ),
            (BulkError::Changed, retry),
            (
                BulkError::CountMismatch {
                    what: "objects",
                    expected: 2,
                    found: 1,
                },
                retry,
            ),
            (BulkError::Orphan { parent: message() }, retry),
            (
                BulkError::TempFile(std::io::ErrorKind::StorageFull.into()),
                retry,
            ),
            (
                BulkError::Rejected { message: message() },
                Disposition::Fail,
            ),
            (
                BulkError::UnexpectedKind { kind: "Order" },
                Disposition::Fail,
            ),
            (
                BulkError::InvalidObject {
                    id: message(),
                    path: "title".to_owned(),
                    source: "odd".into(),
                },
                Disposition::Fail,
            ),
            (BulkError::NotOwned { id: id() }, Disposition::Fail),
        ] {
            let text = error.to_string();
            let mapped = shopify_error("read the products", error.into());
            assert_eq!(mapped.disposition, expected, "{text}");
        }
    }
}
