//! The operators.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Executor, Halt, State, Step};
use crate::case::{Action, Exit, Expectation, LIFECYCLE, OutputCheck, ProcessId, signal_name};
use crate::outcome::{Kind, LogExcerpt, Problem, Verdict};
use crate::plan::violation;
use crate::process;

impl Executor<'_> {
    /// Does one step.
    pub(super) fn step(&mut self, index: usize) -> Step {
        let case = Rc::clone(&self.case);
        let step = &case.steps[index];
        let until = Instant::now() + step.timeout;
        if !matches!(step.action, Action::Request(_)) {
            // No server must wait for us before it may stop.
            self.session.close();
        }
        match &step.action {
            // Exits are not looked at between spawns: what is started must not depend on how quickly an earlier one dies.
            Action::Spawn(processes) => processes.iter().try_for_each(|process| self.start(*process)),
            Action::Ready(process, condition) => self.ready(*process, condition, step.timeout),
            Action::Wait(set, outputs) => {
                self.wait(set, until, step.timeout)?;
                self.outputs(set, outputs)
            }
            Action::Run(expectation, outputs) => {
                self.start(expectation.process)?;
                let set = std::slice::from_ref(expectation);
                self.wait(set, until, step.timeout)?;
                self.outputs(set, outputs)
            }
            Action::Kill { set, signal, grace } => self.kill(index, set, *signal, *grace, until, step.timeout),
            Action::Request(target) => self.request(target, step.timeout),
            Action::Signal(signals) => {
                self.catch_up()?;
                for (process, signal) in signals {
                    self.signal(*process, *signal)?;
                }
                Ok(())
            }
        }
    }

    /// Awaits the exits of a set. The first that is not as expected ends the case, and so does the time.
    fn wait(&mut self, set: &[Expectation], until: Instant, timeout: Duration) -> Step {
        let mut open: Vec<&Expectation> = set.iter().collect();
        loop {
            self.judge_ended(&mut open)?;
            if open.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                // An exit that has happened counts, however late we look.
                self.catch_up()?;
                self.judge_ended(&mut open)?;
                let Some(first) = open.first() else { return Ok(()) };
                return Err(self.too_late(first, timeout));
            }
            self.pump(until)?;
        }
    }

    /// Judges those of `open` that have ended, in the order of their exits, and takes them out.
    fn judge_ended(&mut self, open: &mut Vec<&Expectation>) -> Step {
        let mut ended: Vec<_> =
            open.iter().filter_map(|expectation| Some((*expectation, self.exit_of(expectation.process)?))).collect();
        ended.sort_by_key(|(expectation, _)| self.exit_order[expectation.process]);
        for (expectation, exit) in ended {
            if !expectation.status.allows(exit) {
                return Err(self.unexpected_status(expectation, exit));
            }
            self.reap(expectation.process);
            // The lifecycle is judged at the end; the stop of an app is a part of it.
            if expectation.check != LIFECYCLE {
                self.judged(expectation.check, Verdict::Passed);
            }
            open.retain(|other| other.process != expectation.process);
        }
        Ok(())
    }

    /// The first of the exits awaited up to and including step `last` that has come and is not as expected, though the
    /// plan has not come to judge it yet; with the turn that awaits it. The exit of `but` is not meant: a `kill` that has
    /// not begun awaits it without anticipating it.
    pub(super) fn wrong_exit(&self, last: usize, but: ProcessId) -> Option<(usize, ProcessId, Halt)> {
        self.case.steps.iter().enumerate().take(last + 1).find_map(|(index, step)| {
            let awaited = step.action.awaited().iter();
            let ended = awaited.filter_map(|expectation| Some((expectation, self.exit_of(expectation.process)?)));
            let wrong = ended.filter(|(awaited, exit)| awaited.process != but && !awaited.status.allows(*exit));
            let (expectation, exit) = wrong.min_by_key(|(expectation, _)| self.exit_order[expectation.process])?;
            let halt = self.unexpected_status(expectation, exit);
            Some((self.turns.of_step(index), expectation.process, halt))
        })
    }

    fn unexpected_status(&self, expectation: &Expectation, exit: Exit) -> Halt {
        let name = &self.case.processes[expectation.process].name;
        let message = format!("`{name}` {exit}, not {}", expectation.status);
        let mut problem = Problem::new(Kind::UnexpectedStatus, expectation.span, message)
            .label(format!("it {exit}"))
            .versus(expectation.status.to_string(), exit.to_string());
        problem.logs = self.logs.of_process(expectation.process);
        Halt { check: expectation.check, problem: Box::new(problem) }
    }

    fn too_late(&self, expectation: &Expectation, timeout: Duration) -> Halt {
        let name = &self.case.processes[expectation.process].name;
        let message = format!("`{name}` did not end within {timeout:?}");
        let mut problem = Problem::new(Kind::Timeout, expectation.span, message)
            .label("still running")
            .versus(expectation.status.to_string(), "still running");
        problem.logs = self.logs.of_process(expectation.process);
        Halt { check: expectation.check, problem: Box::new(problem) }
    }

    /// Judges what a process printed. A violation does not end the case.
    fn outputs(&mut self, set: &[Expectation], outputs: &[OutputCheck]) -> Step {
        let Some(process) = set.first().map(|expectation| expectation.process) else { return Ok(()) };
        let env = if outputs.is_empty() { Default::default() } else { self.values.of_process(&self.case, process) };
        for output in outputs {
            let read = std::fs::read(self.logs.path(process, output.stream));
            let text = read.map_err(|e| super::internal(&self.case, "can't read a log", &e))?;
            let name = format!("{} of `{}`", output.stream.as_str(), self.case.processes[process].name);
            let verdict = match violation(output, &text, &name, &self.values.within(&env)) {
                None => Verdict::Passed,
                Some(mut problem) => {
                    let file = self.logs.file_name(process, output.stream);
                    problem.logs = vec![LogExcerpt::whole(Some(process), file)];
                    Verdict::Failed(Box::new(problem))
                }
            };
            self.judged(output.check, verdict);
        }
        Ok(())
    }

    fn kill(
        &mut self,
        step: usize,
        set: &[Expectation],
        signal: i32,
        grace: Option<Duration>,
        until: Instant,
        timeout: Duration,
    ) -> Step {
        // What has ended by itself is not anticipated: the first signal makes the difference.
        self.catch_up()?;
        self.turns.kill_begins(step);
        for expectation in set {
            self.signal(expectation.process, signal)?;
        }
        let patience = grace.map_or(until, |grace| until.min(Instant::now() + grace));
        let result = self.wait(set, patience, grace.unwrap_or(timeout).min(timeout));
        let Err(Halt { check, mut problem }) = result else { return Ok(()) };
        if problem.kind == Kind::Timeout && set.iter().any(|e| e.check == check) && grace.is_some() {
            for expectation in set {
                if let State::Running(child) = &self.states[expectation.process] {
                    process::kill_group(child);
                }
            }
            problem.message = format!("{} of {}, and was killed", problem.message, signal_name(signal));
        }
        Err(Halt { check, problem })
    }

    fn signal(&mut self, process: ProcessId, signal: i32) -> Step {
        let State::Running(child) = &self.states[process] else { return Ok(()) };
        process::send_signal(child, signal).map_err(|error| {
            let name = &self.case.processes[process].name;
            super::internal(&self.case, &format!("can't send {} to `{name}`", signal_name(signal)), &error)
        })
    }
}
