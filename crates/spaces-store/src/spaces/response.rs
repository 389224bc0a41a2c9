//! Parses S3 error responses and maps them to this crate's errors.
//!
//! Only the status and `<Code>` are used: Ceph leaves `<Message/>` empty.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

use crate::error::{Error, TransportKind};

/// An S3 error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) status: u16,
    /// S3's `<Code>`; empty if there is no body, as in a response to HEAD.
    pub(super) code: String,
    retry_after: Option<Duration>,
    /// The `Date` header: the store's clock.
    date: Option<DateTime<Utc>>,
}

impl ErrorResponse {
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let date = header_text(headers, &DATE).and_then(parse_http_date);
        Self {
            status,
            code: error_code(body).unwrap_or_default().to_owned(),
            retry_after: header_text(headers, &RETRY_AFTER)
                .and_then(|wait| retry_after(wait, date)),
            date,
        }
    }

    /// Whether the same request may succeed if it is sent again.
    #[cfg(feature = "rusoto")]
    pub(super) fn is_retryable(&self) -> bool {
        match self.code.as_str() {
            "NotImplemented" => false,
            "InternalError" | "OperationAborted" | "RequestTimeout" | "ServiceUnavailable" => true,
            _ => self.is_throttling() || matches!(self.status, 500 | 502 | 503 | 504),
        }
    }

    /// Whether the request may have taken effect in spite of the error.
    #[cfg(feature = "rusoto")]
    pub(super) const fn is_ambiguous(&self) -> bool {
        self.status >= 500
    }

    #[cfg(feature = "rusoto")]
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn is_throttling(&self) -> bool {
        let known_code = matches!(
            self.code.as_str(),
            "SlowDown"
                | "Throttling"
                | "ThrottlingException"
                | "TooManyRequests"
                | "RequestLimitExceeded"
        );
        // A 503 without a code comes from a load balancer; with `Retry-After` it is a rate limit.
        known_code || self.status == 429 || (self.status == 503 && self.retry_after.is_some())
    }

    /// The error for a request on `key` (`None`: on the bucket) that was signed at `signed_at`.
    pub(super) fn into_error(
        self,
        bucket: &str,
        key: Option<&str>,
        signed_at: Option<DateTime<Utc>>,
    ) -> Error {
        let object = || key.unwrap_or_default().to_owned();
        match (self.code.as_str(), self.status) {
            ("NoSuchBucket", _) => Error::NoSuchBucket {
                bucket: bucket.to_owned(),
            },
            ("SignatureDoesNotMatch" | "InvalidAccessKeyId", _) => {
                Error::WrongCredentials { code: self.code }
            }
            ("RequestTimeTooSkewed" | "RequestExpired", _) => Error::ClockSkewed {
                store_ahead: self.date.zip(signed_at).map(|(theirs, ours)| theirs - ours),
            },
            ("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed", _)
            | (_, 301 | 302 | 307 | 308) => Error::WrongEndpoint {
                code: code_or(self.code, "Redirect"),
            },
            ("BadDigest" | "XAmzContentSHA256Mismatch" | "InvalidDigest" | "IncompleteBody", _) => {
                Error::Integrity {
                    key: object(),
                    what: "the store received different bytes than were sent",
                }
            }
            ("NoSuchUpload", _) => self.rejected(),
            ("RequestTimeout", _) => Error::Transport {
                kind: TransportKind::Timeout,
                source: self.code.into(),
            },
            ("NotImplemented", _) | (_, 501) => {
                Error::Unsupported(code_or(self.code, "NotImplemented").into())
            }
            (_, 304) => Error::NotModified { key: object() },
            ("PreconditionFailed", _) | (_, 412) => Error::PreconditionFailed { key: object() },
            (_, 404) if key.is_some() => Error::NotFound { key: object() },
            (_, 401 | 403) => Error::AccessDenied { code: self.code },
            _ if self.is_throttling() => Error::Throttled {
                retry_after: self.retry_after,
            },
            (_, 500..) => Error::Unavailable {
                status: self.status,
            },
            _ => self.rejected(),
        }
    }

    fn rejected(self) -> Error {
        Error::Rejected {
            status: self.status,
            code: self.code,
        }
    }
}

fn code_or(code: String, otherwise: &str) -> String {
    if code.is_empty() {
        otherwise.to_owned()
    } else {
        code
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Parses an HTTP date (RFC 9110, section 5.6.7). `GMT` is an obsolete zone name of RFC 2822, which the parser accepts.
pub(super) fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

/// Parses `Retry-After`: seconds or a date (RFC 9110, section 10.2.3). A date is relative to `now`, the response's
/// `Date`.
fn retry_after(text: &str, now: Option<DateTime<Utc>>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    (parse_http_date(text)? - now?).to_std().ok()
}

/// The text of `<Error><Code>`.
pub(super) fn error_code(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, error) = body.split_once("<Error")?;
    let (_, code) = error.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let code = code.trim();
    let plain =
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then_some(code)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect()
    }

    fn error(status: u16, code: &str) -> Error {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message/></Error>");
        let response = ErrorResponse::read(status, &HeaderMap::new(), body.as_bytes());
        response.into_error("shops", Some("a/b"), None)
    }

    #[test]
    fn maps_responses_to_errors() {
        assert!(matches!(error(404, "NoSuchKey"), Error::NotFound { key } if key == "a/b"));
        assert!(matches!(error(404, ""), Error::NotFound { .. }));
        assert!(
            matches!(error(404, "NoSuchBucket"), Error::NoSuchBucket { bucket } if bucket == "shops")
        );
        assert!(matches!(
            error(404, "NoSuchUpload"),
            Error::Rejected { status: 404, .. }
        ));
        assert!(matches!(
            error(403, "SignatureDoesNotMatch"),
            Error::WrongCredentials { .. }
        ));
        assert!(matches!(
            error(403, "InvalidAccessKeyId"),
            Error::WrongCredentials { .. }
        ));
        assert!(
            matches!(error(403, "QuotaExceeded"), Error::AccessDenied { code } if code == "QuotaExceeded")
        );
        assert!(matches!(error(403, ""), Error::AccessDenied { .. }));
        assert!(matches!(error(412, ""), Error::PreconditionFailed { .. }));
        assert!(matches!(error(304, ""), Error::NotModified { .. }));
        assert!(matches!(
            error(301, "PermanentRedirect"),
            Error::WrongEndpoint { .. }
        ));
        assert!(matches!(
            error(400, "AuthorizationHeaderMalformed"),
            Error::WrongEndpoint { .. }
        ));
        assert!(matches!(error(400, "BadDigest"), Error::Integrity { .. }));
        assert!(matches!(
            error(400, "XAmzContentSHA256Mismatch"),
            Error::Integrity { .. }
        ));
        assert!(matches!(
            error(400, "InvalidArgument"),
            Error::Rejected { status: 400, .. }
        ));
        assert!(matches!(error(503, "SlowDown"), Error::Throttled { .. }));
        assert!(matches!(error(429, ""), Error::Throttled { .. }));
        assert!(matches!(error(503, ""), Error::Unavailable { status: 503 }));
        assert!(matches!(
            error(500, "InternalError"),
            Error::Unavailable { status: 500 }
        ));
        assert!(matches!(
            error(501, "NotImplemented"),
            Error::Unsupported(_)
        ));
    }

    #[test]
    fn retries_only_retryable_errors() {
        let retryable = |status, code: &str| {
            let body = format!("<Error><Code>{code}</Code></Error>");
            ErrorResponse::read(status, &HeaderMap::new(), body.as_bytes()).is_retryable()
        };
        for (status, code) in [
            (503, "SlowDown"),
            (500, ""),
            (502, ""),
            (504, ""),
            (429, ""),
            (400, "RequestTimeout"),
        ] {
            assert!(retryable(status, code), "{status} {code}");
        }
        for (status, code) in [
            (400, ""),
            (403, "AccessDenied"),
            (404, ""),
            (409, ""),
            (412, ""),
            (501, "NotImplemented"),
        ] {
            assert!(!retryable(status, code), "{status} {code}");
        }
    }

    #[test]
    fn reads_retry_after_as_seconds_or_date() {
        let wait = |headers: &HeaderMap| ErrorResponse::read(503, headers, b"").retry_after();
        assert_eq!(
            wait(&headers(&[("retry-after", "7")])),
            Some(Duration::from_secs(7))
        );
        let dated = headers(&[
            ("date", "Tue, 24 Nov 2026 12:00:00 GMT"),
            ("retry-after", "Tue, 24 Nov 2026 12:00:09 GMT"),
        ]);
        assert_eq!(wait(&dated), Some(Duration::from_secs(9)));
        for bad in ["", "soon", "-1", "Tue, 24 Nov 2026 12:00:09 GMT"] {
            let mut map = HeaderMap::new();
            map.insert("retry-after", HeaderValue::from_static(bad));
            assert_eq!(wait(&map), None, "{bad}");
        }
        let past = headers(&[
            ("date", "Tue, 24 Nov 2026 12:00:00 GMT"),
            ("retry-after", "Tue, 24 Nov 2026 11:00:00 GMT"),
        ]);
        assert_eq!(wait(&past), None);
    }

    #[test]
    fn measures_the_clock_skew() {
        let headers = headers(&[("date", "Tue, 24 Nov 2026 12:00:00 GMT")]);
        let response = ErrorResponse::read(
            403,
            &headers,
            b"<Error><Code>RequestTimeTooSkewed</Code></Error>",
        );
        let signed = parse_http_date("Tue, 24 Nov 2026 13:00:00 GMT");
        match response.into_error("shops", None, signed) {
            Error::ClockSkewed { store_ahead } => {
                assert_eq!(store_ahead, Some(TimeDelta::hours(-1)));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accepts_only_alphanumeric_codes() {
        assert_eq!(
            error_code(b"<Error><Code> SlowDown </Code></Error>"),
            Some("SlowDown")
        );
        for bad in [
            &b""[..],
            b"<html>SlowDown</html>",
            b"<Code>SlowDown</Code>",
            b"<Error><Code></Code></Error>",
            b"<Error><Code>a b</Code></Error>",
            b"<Error><Code>open",
            b"\xff<Error><Code>SlowDown</Code>",
        ] {
            assert_eq!(error_code(bad), None);
        }
    }
}
