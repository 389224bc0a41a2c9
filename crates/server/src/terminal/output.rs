//! Prints results to standard output and messages to standard error.

use super::CommandError;

/// Prints one line to standard error.
#[expect(clippy::print_stderr, reason = "messages of a command")]
pub(crate) fn print_error(line: impl std::fmt::Display) {
    eprintln!("{line}");
}

/// Prints one line of the result to standard output.
#[expect(clippy::print_stdout, reason = "the result of a command")]
pub(crate) fn print_line(line: impl std::fmt::Display) {
    println!("{line}");
}

/// Prints the result as JSON to standard output.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::failed("cannot serialize the result").with_cause(error))?;
    print_line(text);
    Ok(())
}
