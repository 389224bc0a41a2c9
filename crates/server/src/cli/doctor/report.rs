use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use crate::terminal::{CommandError, print_json, print_line};

/// How something is.
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

/// What was found about one thing.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    status: Status,
    subject: String,
    detail: String,
    #[serde(rename = "next", skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// What was found, told as it is found.
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

    /// It is as it should be.
    pub(super) fn ok(&mut self, subject: impl Into<String>, detail: impl Into<String>) {
        self.add(Status::Ok, subject.into(), detail.into(), None);
    }

    /// It works, but costs something now or later.
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

    /// It does not work.
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

    /// It could not be looked at.
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

    /// How each thing is, in order.
    #[cfg(test)]
    pub(super) fn statuses(&self) -> Vec<Status> {
        self.findings.iter().map(|finding| finding.status).collect()
    }

    /// Tells the rest, and the exit code.
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
    match (fails, warns) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, _) => format!("Nothing fails; {warns} to look at."),
        (_, 0) => format!("{fails} to mend."),
        _ => format!("{fails} to mend, {warns} to look at."),
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
    fn a_finding_says_what_to_do_below() {
        let finding = Finding {
            status: Status::Fail,
            subject: "space".into(),
            detail: "there is no bucket `b`".into(),
            remedy: Some("make it".into()),
        };
        assert_eq!(
            finding.lines(),
            [
                "fail  space               there is no bucket `b`",
                "                          do: make it",
            ]
        );
    }

    #[test]
    fn only_failures_count() {
        let mut report = Report::new(true);
        report.ok("a", "");
        report.warn("b", "", "");
        report.skip("c", "");
        assert_eq!(report.count(Status::Fail), 0);
        report.fail("d", "", "");
        assert_eq!(
            summary(report.count(Status::Fail), 1),
            "1 to mend, 1 to look at."
        );
    }
}
