//! Defines the exit codes of the commands.

/// The exit codes other than 0, as `shopsync --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// The command was attempted and failed.
    Failed = 1,
    /// The command line or the settings are invalid; nothing was attempted.
    Usage = 2,
    /// The database, Shopify or the Space cannot be reached.
    Unavailable = 3,
    /// A run halted; a person must confirm.
    Halted = 4,
    /// A signal ended the command.
    Interrupted = 130,
}
