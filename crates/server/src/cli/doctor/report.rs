//! Collects the findings of `shopsync doctor` and prints them as text or JSON.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use crate::terminal::text::pluralize;
use crate::terminal::{CommandError, print_json, print_line};

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Warn,
    Fail,
    Skip,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// The result of one check, with its remedy.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    status: Status,
    subject: String,
    detail: String,
    #[serde(rename = "next", skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// All findings. Text output is printed as each check ends, JSON at the end.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            findings: Vec::new(),
        }
    }

    /// Adds a passed check.
    pub(super) fn ok(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.add(Status::Ok, subject.into(), detail.into(), None);
    }

    /// Adds a check that found something which works but has a cost or a risk.
    pub(super) fn warn(
        &mut self,
        subject: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(
            Status::Warn,
            subject.into(),
            detail.into(),
            Some(remedy.into()),
        );
    }

    /// Adds a failed check.
    pub(super) fn fail(
        &mut self,
        subject: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(
            Status::Fail,
            subject.into(),
            detail.into(),
            Some(remedy.into()),
        );
    }

    /// Adds a check that could not be made.
    pub(super) fn skip(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.add(Status::Skip, subject.into(), detail.into(), None);
    }

    fn add(&mut self, status: Status, subject: String, detail: String, remedy: Option<String>) {
        let finding = Finding {
            status,
            subject,
            detail,
            remedy,
        };
        if !self.json {
            finding.lines().iter().for_each(print_line);
        }
        self.findings.push(finding);
    }

    fn count(&self, status: Status) -> usize {
        let found = self.findings.iter();
        found.filter(|finding| finding.status == status).count()
    }

    /// The statuses in the order of the checks.
    #[cfg(test)]
    pub(super) fn statuses(&self) -> Vec<Status> {
        self.findings.iter().map(|finding| finding.status).collect()
    }

    /// Prints the summary (or the JSON) and returns the exit code.
    pub(super) fn finish(&self) -> Result<ExitCode, CommandError> {
        let (fails, warns) = (self.count(Status::Fail), self.count(Status::Warn));
        if self.json {
            print_json(&json!({
                "ok": fails == 0,
                "fails": fails,
                "warnings": warns,
                "findings": self.findings,
            }))?;
        } else {
            print_line(summary(fails, warns));
        }
        Ok(if fails == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn summary(fails: usize, warns: usize) -> String {
    let warnings = format!("{warns} {}", pluralize("warning", warns as u64));
    match (fails, warns) {
        (0, 0) => "All checks passed.".to_owned(),
        (0, _) => format!("No check failed; {warnings}."),
        (_, 0) => format!("{fails} failed."),
        _ => format!("{fails} failed, {warnings}."),
    }
}

impl Finding {
    fn lines(&self) -> Vec<String> {
        let (word, subject) = (self.status.word(), &self.subject);
        let mut lines = vec![format!("{word:4}  {subject:18}  {}", self.detail)];
        if let Some(remedy) = &self.remedy {
            lines.push(format!("      {:18}  do: {remedy}", ""));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_printed_below_the_finding() {
        let finding = Finding {
            status: Status::Fail,
            subject: "space".into(),
            detail: "there is no bucket `b`".into(),
            remedy: Some("create it".into()),
        };
        assert_eq!(
            finding.lines(),
            [
                "fail  space               there is no bucket `b`",
                "                          do: create it",
            ]
        );
    }

    #[test]
    fn warnings_and_skipped_checks_are_not_failures() {
        let mut report = Report::new(true);
        report.ok("a", "");
        report.warn("b", "", "");
        report.skip("c", "");
        assert_eq!(report.count(Status::Fail), 0);
        report.fail("d", "", "");
        assert_eq!(
            summary(report.count(Status::Fail), 1),
            "1 failed, 1 warning."
        );
    }
}
