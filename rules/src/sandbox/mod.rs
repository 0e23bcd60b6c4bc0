//! The place that a case runs in: its directories, and how it is kept apart from the machine.
//!
//! The supervisor asks for an executor with namespaces (`ladder`); the zygote makes it (`namespaces`); the executor makes
//! the rest from within, before its first step (`enter`). What the machine refuses is found out by doing it: the first
//! executor is its own probe.

mod confine;
mod enter;
mod facet;
mod ladder;
mod landlock;
mod mount;
mod namespaces;
mod place;
mod real_path;
mod remedy;
mod run_dir;
mod runfiles;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use confine::die_with_parent;
pub(crate) use enter::{Order, furnish};
pub use facet::State;
pub(crate) use facet::{Facets, Unfit};
pub(crate) use ladder::Ladder;
pub(crate) use namespaces::{Ids, Refusals, fork_into, is_refusal, refusals};
pub(crate) use place::{Place, remove_tree};
pub(crate) use real_path::real_path;
pub(crate) use run_dir::RunDir;

/// The facets of isolation that a manifest can insist on; namespaces but for the last, which is a fresh `/proc`.
pub(crate) const FACETS: &[&str] = &["user", "mount", "pid", "network", "ipc", "uts", "cgroup", PROC];
const PROC: &str = "proc";
/// Not a facet to insist on: it is there where `mount` is not.
const LANDLOCK: &str = "landlock";

/// How a case was kept apart from the machine, facet by facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// The rung of the ladder: `full`, `bound-proc` (the host's `/proc` is seen), `no-user` (all but a user namespace),
    /// `partial`, `none`.
    pub level: String,
    /// Each facet with its state.
    pub facets: BTreeMap<String, State>,
    /// What guarantees that nothing outlives the run: `pid namespace`, or `subreaper` for processes that did not detach.
    pub orphans: String,
}

impl Isolation {
    /// No isolation, for one reason.
    #[must_use]
    pub fn none(why: &str) -> Self {
        Self {
            level: "none".into(),
            facets: FACETS.iter().map(|facet| ((*facet).to_owned(), State::unasked(why))).collect(),
            orphans: "subreaper".into(),
        }
    }

    /// What an executor of this order has from the start.
    fn of(order: &Order) -> Self {
        let mut isolation = Self::none("goes with the facets `mount` and `pid`");
        isolation.facets.extend(order.states.clone());
        for facet in facet::Facet::ALL.into_iter().filter(|facet| order.facets.has(*facet)) {
            isolation.facets.insert(facet.name().into(), State::obtained());
        }
        if isolation.has("pid") {
            isolation.orphans = "pid namespace".into();
        }
        isolation
    }

    /// Whether a facet was obtained.
    #[must_use]
    pub fn has(&self, facet: &str) -> bool {
        self.facets.get(facet).is_some_and(|state| state.obtained)
    }

    /// The name for what was obtained. A network that is the host's by wish does not change it, nor does a cgroup namespace.
    fn rung(&self) -> &'static str {
        let refused = |facet: &&str| self.facets.get(*facet).is_some_and(|state| state.error.is_some());
        let missing: Vec<_> = FACETS
            .iter()
            .copied()
            .filter(|facet| !self.has(facet) && *facet != "cgroup" && (*facet != "network" || refused(facet)))
            .collect();
        match missing.as_slice() {
            [] => "full",
            [PROC] => "bound-proc",
            ["user"] => "no-user",
            _ if ["mount", "pid", "network", "ipc"].iter().any(|facet| self.has(facet)) => "partial",
            _ => "none",
        }
    }
}

/// How much isolation is asked for on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// All of it, or nothing runs.
    Full,
    /// The best that the machine gives.
    #[default]
    Auto,
    /// None, for debugging.
    None,
}
