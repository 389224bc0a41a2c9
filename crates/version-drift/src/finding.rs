use std::fmt;
use std::path::PathBuf;

use chrono::NaiveDate;

/// Something in an operation that another version treats differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The operation's file.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// The version that differs.
    pub version: String,
    /// In what way.
    pub kind: FindingKind,
    /// What, and what to do as far as the schema says.
    pub message: String,
    /// Until when the operation works as it is: the end of the pinned version, as long as that is the older one. For a
    /// version that is older than the pinned one, that version's own end. `None`: not known.
    pub until: Option<NaiveDate>,
    /// From today until then; negative if that is past.
    pub days_left: Option<i64>,
}

/// In what way a version differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// It is not there, or no longer used like this.
    Removed,
    /// It has another type.
    Retyped,
    /// It can be null, which it never was.
    Nullable,
    /// An input has a further field that must be given.
    Required,
    /// It is there, but is to be removed.
    Deprecated,
    /// An input has a field no more, which the program may send.
    InputRemoved,
    /// It can be null no more.
    NeverNull,
    /// There are further values or members, which the program may not know.
    Extended,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works for the time being.
    Warning,
    /// It does not work there.
    Breaking,
}

impl FindingKind {
    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Self::Removed | Self::Retyped | Self::Nullable | Self::Required => Severity::Breaking,
            Self::Deprecated | Self::InputRemoved => Severity::Warning,
            Self::NeverNull | Self::Extended => Severity::Note,
        }
    }

    fn word(self) -> &'static str {
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
        let (kind, version, message) = (self.kind.word(), &self.version, &self.message);
        write!(f, "{path}:{line}:{column}: {kind} in {version}: {message}")?;
        match (self.until, self.days_left) {
            (Some(until), Some(days)) => write!(f, " ({days} days left, until {until})"),
            _ => Ok(()),
        }
    }
}
