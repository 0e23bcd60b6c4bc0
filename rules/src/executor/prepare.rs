//! Before the first step: ports, values, programs.

use std::rc::Rc;
use std::time::Instant;

use super::channel::{Assignment, Channel, Event};
use super::logs::Logs;
use super::ports::Ports;
use super::request::Responses;
use super::values::Filled;
use super::{Executor, Halt, LOG_TICK, State, Step, internal};
use crate::case::{Action, ConditionKind, Piece, PortKind, Text, Values};
use crate::outcome::{Kind, Problem};
use crate::plan::Turns;
use crate::process::{NotExecutable, Spawner, Watch, find_program};
use crate::sandbox::{Unfit, Wanted};
use crate::source::Span;

impl Assignment<'_> {
    /// Makes the sandbox. Without it nothing can be done: for the case, when that is said in a problem.
    pub(super) fn isolate(
        &self,
        furnished: Result<(), Unfit>,
        channel: &mut Channel,
    ) -> Result<(), Option<Box<Problem>>> {
        let path = self.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, path)| path);
        match furnished.and_then(|()| self.sandbox.enter(&self.case, &self.place, path)) {
            Ok(isolation) => {
                let missing = isolation.problem(&self.sandbox, &self.case);
                channel.send(&Event::Isolated(isolation));
                missing.map_or(Ok(()), |problem| Err(Some(Box::new(problem))))
            }
            Err(unfit) => {
                channel.send(&Event::Unfit(unfit));
                Err(None)
            }
        }
    }

    /// Whether its executor is as good as new after it: nothing is started that could be left, and nothing is given up.
    pub(super) fn leaves_no_trace(&self) -> bool {
        self.case.processes.is_empty() && self.sandbox.wanted == Wanted::None
    }
}

impl<'c> Executor<'c> {
    /// Makes everything ready for the first step.
    pub(super) fn new(
        assignment: Assignment<'_>,
        channel: &'c mut Channel,
        watch: &'c Watch,
        spawner: &'c mut Spawner,
    ) -> Result<Self, Halt> {
        let own_users = assignment.sandbox.has_own_users();
        let Assignment { case, place, env, keep_all, .. } = assignment;
        let ports =
            Ports::assign(&case, &place).map_err(|error| internal(&case, "can't assign the case's ports", &error))?;
        for (id, port) in case.ports.iter().enumerate() {
            if matches!(port.kind, PortKind::Auto | PortKind::Fd) {
                channel.send(&Event::Port(id, ports.numbers[id]));
            }
        }
        let mut values = Filled {
            dir: place.work.clone(),
            base: env.into_iter().collect(),
            ports: ports.numbers.clone(),
            sockets: ports.sockets.clone(),
            ..Filled::default()
        };
        values.env = values.environment(&case.env);
        let now = Instant::now();
        Ok(Self {
            turns: Turns::new(&case),
            states: case.processes.iter().map(|_| State::Waiting).collect(),
            programs: vec![None; case.processes.len()],
            exit_order: vec![usize::MAX; case.processes.len()],
            logs: Logs::new(&place.logs, &case),
            spawner,
            session: Default::default(),
            responses: Responses::new(keep_all),
            helper: None,
            case: Rc::new(case.into_owned()),
            channel,
            watch,
            values,
            ports,
            current: 0,
            started: now,
            last_verdict: now,
            next_tick: now + LOG_TICK,
            failure: None,
            exceeded: None,
            own_users,
            culprit: None,
        })
    }
}

impl Executor<'_> {
    /// Looks every program up, so that a missing one starts nothing. One that is named by a captured value can't be known
    /// yet.
    pub(super) fn check_programs(&mut self) -> Step {
        for id in 0..self.case.processes.len() {
            let process = &self.case.processes[id];
            if is_known(&process.argv[0]) {
                let env = self.values.of_process(&self.case, id);
                let name = process.argv[0].fill(&self.values.within(&env));
                self.programs[id] = Some(self.find(&name, &process.roots, process.span)?);
            }
        }
        for step in &self.case.steps {
            let Action::Ready(_, condition) = &step.action else { continue };
            let ConditionKind::Exec { argv, roots } = &condition.kind else { continue };
            if is_known(&argv[0]) {
                self.find(&argv[0].fill(&self.values.within(&self.values.env)), roots, condition.span)?;
            }
        }
        Ok(())
    }

    /// The file that a program's name stands for, in the case's PATH.
    pub(super) fn find(&self, name: &str, roots: &[std::path::PathBuf], span: Span) -> Step<std::path::PathBuf> {
        let path = self.values.within(&self.values.env).env("PATH");
        find_program(name, roots, &path).map_err(|error| {
            let problem = match error {
                NotExecutable::Missing(places) if name.contains('/') => {
                    let places: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
                    Problem::new(Kind::CommandNotFound, span, format!("there is no program `{name}`"))
                        .label("not found")
                        .detail("looked at", places.join("\n"))
                }
                NotExecutable::Missing(_) => {
                    Problem::new(Kind::CommandNotFound, span, format!("there is no program `{name}`"))
                        .label("not found in PATH")
                        .detail("PATH", path)
                }
                NotExecutable::Forbidden(found) => {
                    Problem::new(Kind::CommandNotFound, span, format!("`{name}` can't be executed"))
                        .label("not an executable file")
                        .detail("found", found.display().to_string())
                }
            };
            Halt::lifecycle(problem)
        })
    }
}

fn is_known(text: &Text) -> bool {
    !text.0.iter().any(|piece| matches!(piece, Piece::Capture(_)))
}
