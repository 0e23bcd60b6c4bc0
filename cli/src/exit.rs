//! Exit statuses (contract, section 7).

use std::fmt::Display;

/// Everything held or was skipped.
pub(crate) const HELD: u8 = 0;
/// A constraint failed or could not be judged.
pub(crate) const FAILED: u8 = 1;
/// A manifest or the command line is wrong, or there was nothing to run.
pub(crate) const USAGE: u8 = 2;
/// The machine is at fault.
pub(crate) const MACHINE: u8 = 3;

/// Prints an error of the whole command and returns `status`.
pub(crate) fn fail(status: u8, message: impl Display) -> u8 {
    use anstyle::AnsiColor;
    let style = AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{style}error{style:#}: {message}");
    status
}

/// The status of a signal's number.
pub(crate) fn signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}
