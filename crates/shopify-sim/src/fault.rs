//! Failures on request.

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// An answer with this HTTP status, 400 to 599, and Shopify's body for it.
    Status(u16),
    /// 429, with or without `Retry-After`.
    TooManyRequests(Option<RetryAfter>),
    /// `THROTTLED` in an answer with status 200.
    Throttled,
    /// `INTERNAL_SERVER_ERROR` in an answer with status 200, without data.
    InternalError,
    /// The true data, with an error beside it.
    PartialData,
    /// The connection is reset before anything is done.
    Reset,
    /// What is asked is done, and then the connection is reset instead of answering.
    #[serde(rename = "lost_answer")]
    LostResponse,
    /// The connection ends in the middle of the answer's body.
    Truncated,
    /// No answer ever comes.
    Hang,
}

/// How `Retry-After` is written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetryAfter {
    /// As seconds.
    Seconds(f64),
    /// As the date that many seconds ahead.
    Date(u32),
}

/// Which requests it happens to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultTarget {
    /// All GraphQL requests.
    #[default]
    Graphql,
    /// GraphQL requests for the operation of this name.
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

/// A failure to happen: what, to which requests, from when on and how often.
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
    /// What goes wrong.
    pub kind: FaultKind,
    /// Which requests it happens to; all GraphQL requests if absent.
    #[serde(default)]
    pub on: FaultTarget,
    /// How many such requests are spared first.
    #[serde(default)]
    pub skip: u32,
    /// To how many it happens then; 1 if absent, without end if `null`.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// A fault that strikes the next GraphQL request.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            on: FaultTarget::Graphql,
            skip: 0,
            times: Some(1),
        }
    }

    /// Strikes other requests.
    #[must_use]
    pub fn on(mut self, target: FaultTarget) -> Self {
        self.on = target;
        self
    }

    /// Strikes only requests for the operation called `name`.
    #[must_use]
    pub fn on_operation(self, name: impl Into<String>) -> Self {
        self.on(FaultTarget::Operation(name.into()))
    }

    /// Spares the first `count` such requests.
    #[must_use]
    pub fn skip(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Strikes `count` times.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Strikes until faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// What makes it impossible, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        match self.kind {
            FaultKind::Status(status) if !(400..600).contains(&status) => {
                Some(format!("status: {status} is no failure (400 to 599)"))
            }
            FaultKind::TooManyRequests(Some(RetryAfter::Seconds(seconds)))
                if !(seconds.is_finite() && seconds >= 0.0) =>
            {
                Some(format!("retry_after: {seconds} is no number of seconds"))
            }
            _ => None,
        }
    }
}

/// Where a request goes.
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
            (Self::Operation(wanted), Route::Graphql(name)) => wanted == name,
            _ => false,
        }
    }
}

/// The faults that are still to happen, in the order in which they were asked for.
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

    /// What happens to a request. The first fault that strikes counts; those that are skipped count the request too.
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
    fn endless_faults_strike_until_cleared() {
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
