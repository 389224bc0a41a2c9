//! Defines a finding: what differs, where, and how severe it is.

use std::fmt;
use std::path::PathBuf;

use chrono::NaiveDate;

/// A part of an operation that another version treats differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The operation's file.
    pub path: PathBuf,
    /// Starting at 1.
    pub line: usize,
    /// Starting at 1.
    pub column: usize,
    /// The version that differs.
    pub version: String,
    /// The kind of difference.
    pub kind: FindingKind,
    /// What differs, with the advice of the schema if it gives one.
    pub message: String,
    /// The last day on which the operation works unchanged: the end of the older of the two versions. `None` if
    /// unknown.
    pub until: Option<NaiveDate>,
    /// The days from today to `until`; negative if it is past.
    pub days_left: Option<i64>,
}

/// The kind of a difference between versions, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// It does not exist, or has a different use.
    Removed,
    /// It has another type.
    Retyped,
    /// It can be null now.
    Nullable,
    /// An input has a new required field.
    Required,
    /// It exists, but is deprecated.
    Deprecated,
    /// A field of an input was removed; the program may send it.
    InputRemoved,
    /// It can no longer be null.
    NeverNull,
    /// It has new values or members, which the program may not know.
    Extended,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Informational.
    Note,
    /// It works for now.
    Warning,
    /// It does not work in that version.
    Breaking,
}

impl FindingKind {
    /// Returns the severity.
    pub fn severity(self) -> Severity {
        match self {
            Self::Removed | Self::Retyped | Self::Nullable | Self::Required => Severity::Breaking,
            Self::Deprecated | Self::InputRemoved => Severity::Warning,
            Self::NeverNull | Self::Extended => Severity::Note,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Retyped => "retyped",
            Self::Nullable => "nullable",
            Self::Required => "required",
            Self::Deprecated => "deprecated",
            Self::InputRemoved => "input removed",
            Self::NeverNull => "never null",
            Self::Extended => "extended",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, line, column) = (self.path.display(), self.line, self.column);
        let (kind, version, message) = (self.kind.label(), &self.version, &self.message);
        write!(f, "{path}:{line}:{column}: {kind} in {version}: {message}")?;
        match (self.until, self.days_left) {
            (Some(until), Some(days)) => write!(f, " ({days} days left, until {until})"),
            _ => Ok(()),
        }
    }
}
