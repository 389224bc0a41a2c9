//! Defines the faults that a test can inject, and selects the one for a request.

use serde::{Deserialize, Serialize};

/// The kind of a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A response with this HTTP status, 400 to 599, and Shopify's body for it.
    Status(u16),
    /// Status 429, with or without `Retry-After`.
    TooManyRequests(Option<RetryAfter>),
    /// `THROTTLED` in a response with status 200.
    Throttled,
    /// `INTERNAL_SERVER_ERROR` in a response with status 200, without data.
    InternalError,
    /// The correct data, with an additional error.
    PartialData,
    /// The connection is reset before the request is executed.
    Reset,
    /// The request is executed, but the connection is reset instead of a response.
    #[serde(rename = "lost_answer")]
    LostResponse,
    /// The connection is closed in the middle of the response body.
    Truncated,
    /// No response is ever sent.
    Hang,
}

/// The form of `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(f64),
    /// A date, this many seconds from now.
    Date(u32),
}

/// The requests that a fault applies to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultTarget {
    /// All GraphQL requests.
    #[default]
    Graphql,
    /// GraphQL requests for the operation with this name.
    Operation(String),
    /// The grant page.
    Authorize,
    /// The token endpoint.
    AccessToken,
    /// The files of bulk operations.
    BulkFile,
    /// Every request.
    Everything,
}

/// A fault to inject: its kind, the requests it applies to, how many of them are skipped and how many fail.
///
/// ```
/// use shopify_sim::{Fault, FaultKind};
/// let fault = Fault::new(FaultKind::Status(503)).on_operation("ProductsPage").skip(1).times(2);
/// let json = serde_json::json!({"kind": {"status": 503}, "on": {"operation": "ProductsPage"}, "skip": 1, "times": 2});
/// assert_eq!(serde_json::to_value(fault).unwrap(), json);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind of the fault.
    pub kind: FaultKind,
    /// The requests it applies to; all GraphQL requests if absent.
    #[serde(default)]
    pub on: FaultTarget,
    /// How many matching requests are skipped first.
    #[serde(default)]
    pub skip: u32,
    /// How many matching requests fail after those; 1 if absent, unlimited if `null`.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde requires the field's type")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// A fault for the next GraphQL request.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            on: FaultTarget::Graphql,
            skip: 0,
            times: Some(1),
        }
    }

    /// Applies the fault to other requests.
    #[must_use]
    pub fn on(mut self, target: FaultTarget) -> Self {
        self.on = target;
        self
    }

    /// Applies the fault only to requests for the operation `name`.
    #[must_use]
    pub fn on_operation(self, name: impl Into<String>) -> Self {
        self.on(FaultTarget::Operation(name.into()))
    }

    /// Skips the first `count` matching requests.
    #[must_use]
    pub fn skip(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Injects the fault `count` times.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Injects the fault until faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Why the fault is impossible, if it is.
    pub(crate) fn problem(&self) -> Option<String> {
        match self.kind {
            FaultKind::Status(status) if !(400..600).contains(&status) => {
                Some(format!("status: {status} is not a failure (400 to 599)"))
            }
            FaultKind::TooManyRequests(Some(RetryAfter::Seconds(seconds)))
                if !(seconds.is_finite() && seconds >= 0.0) =>
            {
                Some(format!("retry_after: {seconds} is not a number of seconds"))
            }
            _ => None,
        }
    }
}

/// The endpoint that a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// With the operation's name.
    Graphql(&'a str),
    Authorize,
    AccessToken,
    BulkFile,
}

impl FaultTarget {
    fn matches(&self, route: Route<'_>) -> bool {
        match (self, route) {
            (Self::Everything, _)
            | (Self::Graphql, Route::Graphql(_))
            | (Self::Authorize, Route::Authorize)
            | (Self::AccessToken, Route::AccessToken)
            | (Self::BulkFile, Route::BulkFile) => true,
            (Self::Operation(expected), Route::Graphql(name)) => expected == name,
            _ => false,
        }
    }
}

/// The faults still to be injected, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.0.clone()
    }

    /// The fault for a request. The first one that applies is taken; those with requests to skip count this request.
    pub(crate) fn next_for(&mut self, route: Route<'_>) -> Option<FaultKind> {
        let mut found = None;
        for fault in self.0.iter_mut().filter(|fault| fault.on.matches(route)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times != Some(0) {
                if let Some(times) = &mut fault.times {
                    *times -= 1;
                }
                found = Some(fault.kind.clone());
                break;
            }
        }
        self.0.retain(|fault| fault.times != Some(0));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(faults: &mut Faults, names: &[&str]) -> Vec<bool> {
        let is_injected = |name: &&str| faults.next_for(Route::Graphql(name)).is_some();
        names.iter().map(is_injected).collect()
    }

    #[test]
    fn faults_skip_and_count_only_the_requests_they_are_for() {
        let mut faults = Faults::default();
        let fault = Fault::new(FaultKind::Throttled);
        faults.add(fault.on_operation("A").skip(1).times(2));
        assert_eq!(
            injected(&mut faults, &["B", "A", "B", "A", "A", "A"]),
            [false, false, false, true, true, false]
        );
        assert!(faults.list().is_empty());
    }

    #[test]
    fn unlimited_faults_apply_until_cleared() {
        let mut faults = Faults::default();
        faults.add(Fault::new(FaultKind::Hang).always());
        assert_eq!(injected(&mut faults, &["A", ""]), [true, true]);
        assert_eq!(faults.next_for(Route::AccessToken), None);
        faults.clear();
        assert_eq!(injected(&mut faults, &["A"]), [false]);
    }

    #[test]
    fn faults_are_read_from_json() {
        let read = |text| serde_json::from_str::<Fault>(text);
        let fault = read(r#"{"kind": "hang", "on": "access_token"}"#).unwrap();
        let expected = Fault::new(FaultKind::Hang).on(FaultTarget::AccessToken);
        assert_eq!(fault, expected);
        let fault =
            read(r#"{"kind": {"too_many_requests": {"seconds": 2.5}}, "times": null}"#).unwrap();
        let kind = FaultKind::TooManyRequests(Some(RetryAfter::Seconds(2.5)));
        assert_eq!(fault, Fault::new(kind).always());
        for text in [
            "{}",
            r#"{"kind": "flood"}"#,
            r#"{"kind": "hang", "count": 1}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(Fault::new(FaultKind::Status(200)).problem().is_some());
        assert!(Fault::new(FaultKind::Status(503)).problem().is_none());
    }
}
