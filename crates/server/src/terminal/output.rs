//! Printing: results to standard output, messages to standard error.

use super::Failure;

/// One line on standard error.
#[expect(clippy::print_stderr, reason = "the command line's own messages")]
pub(crate) fn complain(line: impl std::fmt::Display) {
    eprintln!("{line}");
}

/// One line of a command's result.
#[expect(clippy::print_stdout, reason = "the command line's result")]
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("{line}");
}

/// A result as JSON.
pub(crate) fn say_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::failed("the result cannot be written").because(error))?;
    say(text);
    Ok(())
}
