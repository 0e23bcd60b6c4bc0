//! How processes end, and which ends are expected.

use std::fmt;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with {code}"),
            Self::Signal(signal) => write!(f, "was ended by {}", signal_name(*signal)),
        }
    }
}

/// One way to end that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// With this code.
    Code(u8),
    /// By this signal.
    Signal(i32),
    /// With any code but 0.
    Nonzero,
    /// Whatever it is.
    Any,
}

/// The ways to end that are expected; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSet(pub Vec<Status>);

impl StatusSet {
    /// Exit with 0.
    #[must_use]
    pub fn success() -> Self {
        Self(vec![Status::Code(0)])
    }

    /// What `kill` expects unless told otherwise: death by the signal sent, or the code a shell would make of it.
    #[must_use]
    pub fn killed_by(signal: i32) -> Self {
        let code = u8::try_from(128 + signal).map(Status::Code);
        Self(std::iter::once(Status::Signal(signal)).chain(code).collect())
    }

    /// Whether `exit` is one of the ways. A code and a signal are never confused.
    #[must_use]
    pub fn allows(&self, exit: Exit) -> bool {
        self.0.iter().any(|status| match (status, exit) {
            (Status::Any, _) => true,
            (Status::Nonzero, Exit::Code(code)) => code != 0,
            (Status::Code(want), Exit::Code(code)) => i32::from(*want) == code,
            (Status::Signal(want), Exit::Signal(signal)) => *want == signal,
            _ => false,
        })
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, status) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" or ")?;
            }
            match status {
                Status::Code(code) => write!(f, "{code}")?,
                Status::Signal(signal) => f.write_str(&signal_name(*signal))?,
                Status::Nonzero => f.write_str("nonzero")?,
                Status::Any => f.write_str("any")?,
            }
        }
        Ok(())
    }
}

/// `SIGTERM` for 15; `signal 40` for those without a name.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |s| s.as_str().to_owned())
}

/// 15 for `SIGTERM`. Only full upper-case names count.
#[must_use]
pub fn signal_by_name(name: &str) -> Option<i32> {
    name.parse::<Signal>().ok().map(|signal| signal as i32)
}

/// Every name that [`signal_by_name`] knows.
pub(crate) fn signal_names() -> impl Iterator<Item = &'static str> {
    Signal::iterator().map(Signal::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_signals_are_never_confused() {
        let killed = StatusSet::killed_by(15);
        assert!(killed.allows(Exit::Signal(15)) && killed.allows(Exit::Code(143)));
        assert!(!killed.allows(Exit::Code(15)) && !killed.allows(Exit::Signal(9)));
        assert!(!StatusSet(vec![Status::Nonzero]).allows(Exit::Signal(9)));
        assert!(StatusSet(vec![Status::Any]).allows(Exit::Signal(9)));
        assert_eq!(killed.to_string(), "SIGTERM or 143");
    }
}
