//! The turn rule (contract, section 3): which exits are anticipated.
//!
//! It is a function of the order of exits and of the beginnings of kills, and of nothing else. In particular it does not
//! know how far the runner has come: a turn ends with the exit that completes its set, however late that is noticed.

use crate::case::{Action, Case, ProcessId};

/// The steps up to and including the next `wait`, `waitPar`, `kill` or `run`.
#[derive(Debug)]
struct Turn {
    /// Whose exits end it; empty for the steps after the last of these.
    set: Vec<ProcessId>,
    /// Whether it ends with a `kill`, which anticipates exits only from its first signal on.
    kill: bool,
    /// Whether that signal was sent.
    begun: bool,
    /// The set of the very next step, when that is a `wait` or `waitPar`.
    next_wait: Vec<ProcessId>,
    /// The step that ends it.
    last_step: usize,
    /// Whose stop ends the case with it; anybody else's exit in it is left over.
    stops: Option<ProcessId>,
}

/// How an exit stands to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The plan waits for it.
    Anticipated,
    /// It fails the case at once.
    Unexpected,
    /// It came in the last turn, and nothing waits for it: the end of the case will say so.
    LeftOver,
}

/// The turns of a plan, and where in them the exits have come to.
#[derive(Debug)]
pub(crate) struct Turns {
    turns: Vec<Turn>,
    exited: Vec<bool>,
    current: usize,
}

impl Turns {
    pub(crate) fn new(case: &Case) -> Self {
        let mut turns = Vec::new();
        for (last_step, step) in case.steps.iter().enumerate() {
            let set = processes(&step.action);
            if set.is_empty() {
                continue;
            }
            let next = case.steps.get(last_step + 1).map(|step| &step.action);
            let next_wait = next.filter(|action| matches!(action, Action::Wait(..))).map(processes);
            turns.push(Turn {
                set,
                kill: matches!(step.action, Action::Kill { .. }),
                begun: false,
                next_wait: next_wait.unwrap_or_default(),
                last_step,
                stops: case.app.as_ref().filter(|app| app.stop == Some(last_step)).map(|app| app.process),
            });
        }
        turns.push(Turn {
            set: Vec::new(),
            kill: true,
            begun: false,
            next_wait: Vec::new(),
            last_step: case.steps.len(),
            stops: None,
        });
        Self { turns, exited: vec![false; case.processes.len()], current: 0 }
    }

    /// The `kill` that is step `step` is about to send its first signal.
    pub(crate) fn kill_begins(&mut self, step: usize) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.last_step == step) {
            turn.begun = true;
        }
    }

    /// `process` has ended; exits must be told in the order in which they happened.
    pub(crate) fn exit(&mut self, process: ProcessId) -> Standing {
        while self.is_complete(self.current) {
            self.current += 1;
        }
        self.exited[process] = true;
        let turn = &self.turns[self.current];
        let last = self.current + 1 == self.turns.len() || turn.stops.is_some_and(|app| app != process);
        let in_set = turn.set.contains(&process) && (!turn.kill || turn.begun);
        if in_set || turn.next_wait.contains(&process) {
            Standing::Anticipated
        } else if last {
            Standing::LeftOver
        } else {
            Standing::Unexpected
        }
    }

    /// The turn that the last told exit was in.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// The step that ends the turn that the last told exit was in; past the last step in the last turn.
    pub(crate) fn closing_step(&self) -> usize {
        self.turns[self.current].last_step
    }

    /// The turn that step `step` belongs to.
    pub(crate) fn of_step(&self, step: usize) -> usize {
        self.turns.partition_point(|turn| turn.last_step < step).min(self.turns.len() - 1)
    }

    fn is_complete(&self, turn: usize) -> bool {
        let turn = &self.turns[turn];
        !turn.set.is_empty() && (!turn.kill || turn.begun) && turn.set.iter().all(|process| self.exited[*process])
    }
}

fn processes(action: &Action) -> Vec<ProcessId> {
    action.awaited().iter().map(|expectation| expectation.process).collect()
}
