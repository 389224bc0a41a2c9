//! Printing: results to standard output, messages to standard error.

use super::CommandError;

/// One line on standard error.
#[expect(clippy::print_stderr, reason = "the command line's own messages")]
pub(crate) fn print_error(line: impl std::fmt::Display) {
    eprintln!("{line}");
}

/// One line of a command's result.
#[expect(clippy::print_stdout, reason = "the command line's result")]
pub(crate) fn print_line(line: impl std::fmt::Display) {
    println!("{line}");
}

/// A result as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::failed("the result cannot be written").with_cause(error))?;
    print_line(text);
    Ok(())
}
