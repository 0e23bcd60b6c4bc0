//! What is judged: the test cases of a case, known before anything runs.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// Index into [`super::Case::checks`].
pub type CheckId = usize;

/// The check that every case has: spawns, readiness, anticipated exits, nothing left over.
pub const LIFECYCLE: CheckId = 0;

/// One test case of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, unique in the case and free of anything that varies from run to run.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// Collects checks and keeps their names unique.
#[derive(Debug)]
pub(crate) struct Checks {
    checks: Vec<Check>,
    seen: HashMap<String, u32>,
}

impl Checks {
    /// With the [`LIFECYCLE`] of the case at `span`.
    pub(crate) fn new(span: Span) -> Self {
        let mut checks = Self { checks: Vec::new(), seen: HashMap::new() };
        checks.add("lifecycle".into(), span);
        checks
    }

    /// Adds a check; the same name again becomes `NAME #2`, `NAME #3` and so on.
    pub(crate) fn add(&mut self, name: String, span: Span) -> CheckId {
        let mut unique = name.clone();
        loop {
            let count = self.seen.entry(unique.clone()).or_insert(0);
            *count += 1;
            if *count == 1 {
                break;
            }
            // A user may have named a step "x #2": the numbered name is looked up like any other.
            unique = format!("{name} #{count}");
        }
        self.checks.push(Check { name: unique, span });
        self.checks.len() - 1
    }

    pub(crate) fn into_vec(self) -> Vec<Check> {
        self.checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_in_file_order() {
        let mut checks = Checks::new(Span::default());
        for name in ["a", "a #2", "a", "a", "lifecycle"] {
            checks.add(name.into(), Span::default());
        }
        let names: Vec<_> = checks.into_vec().into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["lifecycle", "a", "a #2", "a #3", "a #4", "lifecycle #2"]);
    }
}
