//! What the machine is known to give. The first executor finds out, by being made; later ones don't try again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::facet::{Facet, Facets, State, Unfit};
use super::namespaces::Refusals;
use super::{Isolation, Order, Wanted, remedy};
use crate::case::{Case, Network};
use crate::outcome::{Kind, Problem};

/// What to ask for, and why not for more.
#[derive(Debug)]
pub(crate) struct Ladder {
    facets: Facets,
    states: BTreeMap<String, State>,
    /// An executor has been made like this.
    proven: bool,
}

impl Ladder {
    pub(crate) fn new(wanted: Wanted) -> Self {
        if wanted == Wanted::None {
            let state = State::unasked("not asked for (--isolation none)");
            let states = super::FACETS.iter().map(|facet| ((*facet).to_owned(), state.clone())).collect();
            return Self { facets: Facets::NONE, states, proven: true };
        }
        Self { facets: Facets::ALL, states: BTreeMap::new(), proven: false }
    }

    /// The namespaces to make an executor for `case` with.
    pub(crate) fn facets(&self, case: &Case) -> Facets {
        let host_network = case.sandbox.network == Network::Host;
        if host_network { self.facets.without(Facet::Network) } else { self.facets }
    }

    /// What became of the facets that an executor for `case` is made without.
    pub(crate) fn states(&self, case: &Case) -> BTreeMap<String, State> {
        let mut states = self.states.clone();
        if case.sandbox.network == Network::Host {
            states
                .insert(Facet::Network.name().into(), State::unasked("the case asks for the host's (`network: host`)"));
        }
        states
    }

    /// Whether cases that may have a network of their own are known to get one.
    pub(crate) fn gives_network(&self) -> bool {
        self.proven && self.facets.has(Facet::Network)
    }

    /// Whether `case` is known to see no files of other cases.
    pub(crate) fn hides_files(&self, case: &Case) -> bool {
        self.proven && self.facets(case).has(Facet::Mount)
    }

    /// An executor has made its sandbox.
    pub(crate) fn held(&mut self) {
        self.proven = true;
    }

    /// An executor could not be made with `asked`. Whether it is worth trying again, with what is left.
    pub(crate) fn refused(&mut self, asked: Facets, error: &io::Error, refusals: &Refusals) -> bool {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        let lost: Vec<_> =
            Facet::ALL.into_iter().zip(refusals).filter(|(facet, errno)| asked.has(*facet) && **errno != 0).collect();
        for (facet, errno) in &lost {
            self.lose(*facet, "making the namespace", **errno);
        }
        if lost.is_empty() {
            // One by one they are there, together they are not.
            for facet in Facet::ALL.into_iter().filter(|facet| asked.has(*facet)) {
                self.lose(facet, "making the namespaces", errno);
            }
        }
        asked != Facets::NONE
    }

    /// An executor could not make its sandbox.
    pub(crate) fn unfit(&mut self, unfit: &Unfit) {
        for facet in Facet::ALL.into_iter().filter(|facet| unfit.lost.has(*facet)) {
            self.lose(facet, &unfit.what, unfit.errno);
        }
    }

    fn lose(&mut self, facet: Facet, what: &str, errno: i32) {
        self.facets = self.facets.without(facet);
        let state = State::refused(what, errno, remedy::namespaces(errno));
        self.states.entry(facet.name().into()).or_insert(state);
    }
}

impl Isolation {
    /// The facets that `wanted` and the case's `require` insist on and that are not there.
    fn missing(&self, wanted: Wanted, case: &Case) -> Vec<&'static str> {
        let host_network = case.sandbox.network == Network::Host;
        let insisted = |facet: &str| {
            let host_by_wish = facet == Facet::Network.name() && host_network;
            wanted == Wanted::Full && facet != Facet::Cgroup.name() && !host_by_wish
                || case.sandbox.require.iter().any(|required| required == facet)
        };
        super::FACETS.iter().copied().filter(|facet| insisted(facet) && !self.has(facet)).collect()
    }

    /// What is wrong with this isolation for a case that insists on more.
    pub(crate) fn problem(&self, order: &Order, case: &Case) -> Option<Problem> {
        let missing = self.missing(order.wanted, case);
        if missing.is_empty() {
            return None;
        }
        let by = if order.wanted == Wanted::Full { "`--isolation full`" } else { "`require`" };
        let names: Vec<_> = missing.iter().map(|facet| format!("`{facet}`")).collect();
        let message = format!("{by} wants {}, which this machine does not give", names.join(", "));
        let mut problem = Problem::new(Kind::SandboxUnavailable, case.span, message).label("not isolated");
        let state = |facet: &str| self.facets.get(facet);
        for facet in &missing {
            let text = state(facet).map(ToString::to_string).unwrap_or_default();
            problem = problem.detail(*facet, text);
        }
        // Facets that go together have one remedy.
        let remedies: BTreeSet<_> = missing.iter().filter_map(|facet| state(facet)?.remedy.clone()).collect();
        Some(remedies.into_iter().fold(problem, |problem, remedy| problem.detail("help", remedy)))
    }
}
