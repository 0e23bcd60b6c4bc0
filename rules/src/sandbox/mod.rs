//! The place that a case runs in: its directories, and how it is kept apart from the machine.

mod place;
mod run_dir;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use place::{Place, remove_tree};
pub(crate) use run_dir::RunDir;

/// The facets of isolation that a manifest can insist on.
pub(crate) const FACETS: &[&str] = &["user", "mount", "pid", "network", "ipc", "uts", "cgroup"];

/// How a case was kept apart from the machine, facet by facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// The rung of the ladder: `none`.
    pub level: String,
    /// For each facet `ok`, or why it is not there.
    pub facets: BTreeMap<String, String>,
    /// What guarantees that nothing outlives the run: `subreaper`.
    pub orphans: String,
}

impl Isolation {
    /// No namespaces: descendants that come to the subreaper are ended, and that is all.
    #[must_use]
    pub fn none(why: &str) -> Self {
        Self {
            level: "none".into(),
            facets: FACETS.iter().map(|facet| ((*facet).to_owned(), why.to_owned())).collect(),
            orphans: "subreaper".into(),
        }
    }

    /// Whether a facet was obtained.
    #[must_use]
    pub fn has(&self, facet: &str) -> bool {
        self.facets.get(facet).is_some_and(|state| state == "ok")
    }
}

/// How much isolation is asked for on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of it, or nothing runs.
    Full,
    /// The best that the machine gives.
    #[default]
    Auto,
    /// None, for debugging.
    None,
}
