//! The exit codes of the commands.

/// The exit codes but 0. `shopsync --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It was tried and failed.
    Failed = 1,
    /// The command line or the settings are wrong; nothing was tried.
    Usage = 2,
    /// Something it needs cannot be reached.
    Unavailable = 3,
    /// A person must confirm.
    Halted = 4,
    /// A signal.
    Interrupted = 130,
}
