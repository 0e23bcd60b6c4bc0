//! The supervisor's part in isolation: what executors are to make, and what is done when they can't.

use std::io;
use std::rc::Rc;

use super::job::{Attempt, Job};
use super::supervisor::{Supervisor, Task};
use super::{Options, Zygote, run};
use crate::case::{Case, Network};
use crate::outcome::{Kind, Problem};
use crate::sandbox::{Facets, Ids, Isolation, Order, Refusals, Wanted, is_refusal};

/// What isolation a case would get here. Found out as in any run: by a case, one that does nothing.
///
/// # Errors
///
/// When no case can be run at all.
pub fn isolation(options: &Options, zygote: &Zygote) -> io::Result<Isolation> {
    let mut outcome = run(&[Case::empty()], &[0], options, zygote, &mut |_| {})?;
    match outcome.cases.pop() {
        Some(case) if case.held() => Ok(Rc::unwrap_or_clone(case.isolation)),
        case => {
            let problems = case.as_ref().map(|case| case.problems().map(|(_, problem)| problem.message.clone()));
            let problems: Vec<_> = problems.into_iter().flatten().chain(outcome.faults).collect();
            Err(io::Error::other(problems.join("; ")))
        }
    }
}

impl Supervisor<'_> {
    /// The sandbox that an executor is to make for `case`.
    pub(super) fn order(&self, case: &Case) -> Order {
        Order {
            wanted: self.options.isolation,
            facets: self.ladder.facets(case),
            states: self.ladder.states(case),
            ids: Ids::of_this_process(),
            home: self.options.home.clone(),
        }
    }

    /// The error of a case that asks for what the command line forbids.
    pub(super) fn forbidden(&self, case: &Case) -> Option<Problem> {
        let asks = case.sandbox.network == Network::Host;
        let refused = asks && self.options.isolation == Wanted::Full && !self.options.allow_host_network;
        refused.then(|| {
            let message = "`network: host` is not allowed with `--isolation full`";
            Problem::new(Kind::SandboxUnavailable, case.span, message)
                .label("wants the host's network")
                .detail("help", "`--allow-host-network` allows it")
        })
    }

    pub(super) fn failed_to_fork(&mut self, executor: u32, error: &io::Error, refusals: &Refusals) {
        let Some((task, job)) = self.running.remove(&executor) else { return };
        if job.asked != Facets::NONE && is_refusal(error) {
            self.ladder.refused(job.asked, error, refusals);
            return self.again(task, &job);
        }
        let case = &self.cases[task.case];
        let problem = Problem::new(Kind::Internal, case.span, format!("no process can be made for the case: {error}"));
        self.tried(task, Attempt::impossible(case, job.place, problem));
    }

    /// Nothing of the case has begun: it is tried again, with less isolation.
    pub(super) fn again(&mut self, task: Task, job: &Job) {
        match job.place.remove() {
            Ok(()) => self.waiting.push_front(task),
            Err(error) => {
                let case = &self.cases[task.case];
                let problem = Problem::new(Kind::Internal, case.span, format!("the case can't be begun: {error}"));
                self.tried(task, Attempt::impossible(case, job.place.clone(), problem));
            }
        }
    }
}
