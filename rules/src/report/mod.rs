//! Outcomes as files and as lines on a terminal. Nothing here knows a process.

mod explain;
mod junit;
mod results;
mod terminal;
mod when;
#[cfg(test)]
mod yardstick;

use std::time::{Duration, SystemTime};

pub use junit::junit;
pub use results::results;
pub use terminal::{Rerun, Terminal, write_diagnostics};

use crate::manifest::Loaded;
use crate::run::RunOutcome;

/// All that is reported of a run.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was loaded.
    pub loaded: &'a Loaded,
    /// What became of it.
    pub outcome: &'a RunOutcome,
    /// Whether times and dates are masked, so that reports can be compared.
    pub stable: bool,
    /// What leads to the output directory from where readers of the report look for kept logs: empty, or ends in `/`.
    pub logs_below: &'a str,
    /// The date that is given instead of each case's own (`SOURCE_DATE_EPOCH`, see reproducible-builds.org).
    pub date: Option<SystemTime>,
}

impl Report<'_> {
    fn time(&self, time: Duration) -> Duration {
        if self.stable { Duration::ZERO } else { time }
    }

    /// When a case started, as the report tells it.
    fn date(&self, started: SystemTime) -> SystemTime {
        if self.stable { SystemTime::UNIX_EPOCH } else { self.date.unwrap_or(started) }
    }
}

/// The numbers of a suite, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Test cases.
    pub tests: usize,
    /// Those that do not hold.
    pub failures: usize,
    /// Those that could not be judged.
    pub errors: usize,
    /// Those that were not looked at.
    pub skipped: usize,
}

impl Counts {
    /// The numbers of some checks.
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a crate::outcome::Judged>) -> Self {
        use crate::outcome::Verdict;
        let mut counts = Self::default();
        for judged in checks {
            counts.tests += 1;
            match &judged.verdict {
                Verdict::Passed => {}
                Verdict::Failed(problem) if problem.error => counts.errors += 1,
                Verdict::Failed(_) => counts.failures += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }

    /// The sum of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }

    /// The numbers of a whole run, broken manifests among them.
    #[must_use]
    pub fn of_run(loaded: &Loaded, outcome: &RunOutcome) -> Self {
        let broken = Self { tests: loaded.broken.len(), errors: loaded.broken.len(), ..Self::default() };
        outcome.cases.iter().map(|case| Self::of(&case.checks)).fold(broken, Self::and)
    }
}
