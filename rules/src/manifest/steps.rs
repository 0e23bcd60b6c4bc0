//! Steps to resolved steps: references to processes, ports and texts are looked up, test cases are named.

use std::collections::HashMap;
use std::time::Duration;

use super::process::{RawCondition, RawConditionKind, RawProcess, RawStdin};
use super::raw::RawCase;
use super::reader::RawText;
use super::resolve::layer_env;
use super::scope::Scope;
use super::step::{RawExpectation, RawOp, RawOutput, RawOutputExpectation, RawStep};
use crate::case::{
    Action, Check, Checks, Condition, ConditionKind, Expectation, LIFECYCLE, OutputCheck, OutputExpectation, PortId,
    PortKind, Process, ProcessId, StatusSet, Stdin, Step, Text,
};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

/// What the steps of a case become.
pub(super) struct Resolved {
    pub(super) processes: Vec<Process>,
    pub(super) steps: Vec<Step>,
    pub(super) checks: Vec<Check>,
}

/// Resolves all steps of a case. `processes` are those of [`RawCase::processes`], named already.
pub(super) fn resolve_steps(
    raw: &RawCase,
    processes: &[&RawProcess],
    log_stems: Vec<String>,
    timeout: Duration,
    env: &[(String, Text)],
    scope: &mut Scope<'_>,
) -> Resolved {
    let known_env = scope.env.clone();
    let mut resolved = Vec::new();
    for (id, (process, log_stem)) in processes.iter().zip(log_stems).enumerate() {
        scope.env.clone_from(&known_env);
        resolved.push(resolve_process(id, process, log_stem, env, scope));
    }
    scope.env = known_env;
    let mut walk = Walk {
        scope,
        checks: Checks::new(raw.span),
        started: HashMap::new(),
        waited: HashMap::new(),
        next: 0,
        timeout,
        spawns: raw.steps.iter().flat_map(spawned).collect(),
        complete: raw.complete,
    };
    let steps = raw.steps.iter().flat_map(|step| walk.step(step)).collect();
    Resolved { processes: resolved, steps, checks: walk.checks.into_vec() }
}

fn spawned(step: &RawStep) -> Vec<Span> {
    match &step.op {
        RawOp::Spawn(processes) => processes.iter().map(|p| p.span).collect(),
        RawOp::Run { process, .. } => vec![process.span],
        _ => Vec::new(),
    }
}

fn resolve_process(
    id: ProcessId,
    raw: &RawProcess,
    log_stem: String,
    env: &[(String, Text)],
    scope: &mut Scope<'_>,
) -> Process {
    let env = layer_env(env.to_vec(), &raw.env, scope, Some(id));
    let own = Some(id);
    let stdin = match &raw.stdin {
        RawStdin::Null => Stdin::Null,
        RawStdin::Text(text) => Stdin::Text(scope.text(text, own)),
        RawStdin::File(file) => scope.file(file, "`stdin`").map_or(Stdin::Null, Stdin::File),
    };
    Process {
        name: scope.processes[id].clone(),
        log_stem,
        argv: raw.argv.iter().map(|argument| scope.os_text(argument, own, "an argument")).collect(),
        roots: scope.roots(raw.argv[0].1),
        cwd: raw.cwd.as_ref().map(|cwd| scope.os_text(cwd, own, "a path")),
        env,
        stdin,
        reserve: raw.reserve,
        span: raw.argv[0].1,
    }
}

/// The walk through the steps, in order.
struct Walk<'w, 'a> {
    scope: &'w mut Scope<'a>,
    checks: Checks,
    started: HashMap<ProcessId, Span>,
    waited: HashMap<ProcessId, Span>,
    /// The process that the next `spawn` or `run` starts.
    next: ProcessId,
    timeout: Duration,
    /// Where each process is started, also those of steps to come.
    spawns: Vec<Span>,
    /// Whether every step could be read.
    complete: bool,
}

impl Walk<'_, '_> {
    fn step(&mut self, raw: &RawStep) -> Vec<Step> {
        let timeout = raw.timeout.unwrap_or(self.timeout);
        let step = |action| Step { span: raw.span, timeout, action };
        match &raw.op {
            RawOp::Spawn(processes) => {
                let ids: Vec<_> = processes.iter().map(|process| self.start(process)).collect();
                let ready: Vec<_> = ids
                    .iter()
                    .zip(processes)
                    .filter_map(|(id, process)| self.ready(*id, process.ready.as_ref()?))
                    .collect();
                std::iter::once(Action::Spawn(ids)).chain(ready).map(step).collect()
            }
            RawOp::Ready(conditions) => conditions
                .iter()
                .filter_map(|(process, condition)| {
                    let id = self.running(process, "ready")?;
                    self.ready(id, condition)
                })
                .map(step)
                .collect(),
            RawOp::Signal(signals) => {
                let send = |(process, signal): &(RawText, i32)| Some((self.find(process)?, *signal));
                vec![step(Action::Signal(signals.iter().filter_map(send).collect()))]
            }
            RawOp::Wait(op, set, outputs) => {
                let set = self.expectations(op, raw, set, &StatusSet::success());
                let label = set.first().map(|e| self.label(op, raw, e.process)).unwrap_or_default();
                let outputs = self.outputs(&label, outputs, set.first().map(|e| e.process));
                vec![step(Action::Wait(set, outputs))]
            }
            RawOp::Kill { set, signal, grace } => {
                let signal = signal.unwrap_or(libc::SIGTERM);
                let set = self.expectations("kill", raw, set, &StatusSet::killed_by(signal));
                vec![step(Action::Kill { set, signal, grace: *grace })]
            }
            RawOp::Run { process, status, outputs } => {
                let id = self.start(process);
                let ready = process.ready.as_ref();
                if let Some(ready) = ready {
                    self.scope.problems.add(
                        Diagnostic::error(ready.span, "`run` waits for the exit, so there is nothing to be ready for")
                            .help("use `spawn`, and `wait` later"),
                    );
                }
                self.waited.insert(id, raw.span);
                let label = self.label("run", raw, id);
                let (status, span) = status.clone().unwrap_or((StatusSet::success(), process.argv[0].1));
                let check = self.checks.add(format!("{label}: status"), span);
                let outputs = self.outputs(&label, outputs, Some(id));
                vec![step(Action::Run(Expectation { process: id, status, check, span }, outputs))]
            }
        }
    }

    /// `NAME`, or what the step is named, for the names of its test cases.
    fn label(&self, op: &str, raw: &RawStep, process: ProcessId) -> String {
        let line = |name: &str| name.replace(|c: char| c.is_control(), " ");
        raw.name.clone().unwrap_or_else(|| format!("{op} {}", line(&self.scope.processes[process])))
    }

    fn start(&mut self, process: &RawProcess) -> ProcessId {
        let id = self.next;
        self.next += 1;
        self.started.insert(id, process.span);
        id
    }

    /// The process of this name, started before.
    fn find(&self, (name, span): &RawText) -> Option<ProcessId> {
        let id = self.scope.processes.iter().position(|known| known == name);
        let Some(id) = id else {
            if !self.complete {
                // The step that starts it may be one of those that could not be read.
                return None;
            }
            let problem = Diagnostic::error(*span, format!("there is no process `{name}`"));
            let names = &self.scope.processes;
            self.scope.problems.add(match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if names.is_empty() => problem.help("start it first: `- spawn: […]`"),
                None => problem.help(format!("the case has: {}", names.join(", "))),
            });
            return None;
        };
        if !self.started.contains_key(&id) {
            self.scope.problems.add(
                Diagnostic::error(*span, format!("`{name}` is not started yet"))
                    .related(self.spawns[id], "it is started here")
                    .help("start it first"),
            );
            return None;
        }
        Some(id)
    }

    /// The process of this name, started before and not yet waited for.
    fn running(&self, process: &RawText, op: &str) -> Option<ProcessId> {
        let id = self.find(process)?;
        let Some(waited) = self.waited.get(&id) else {
            return Some(id);
        };
        let name = &process.0;
        let twice = if op == "ready" { "has been waited for" } else { "is waited for twice" };
        self.scope.problems.add(
            Diagnostic::error(process.1, format!("`{name}` {twice}"))
                .related(*waited, "it was waited for here")
                .help("a process ends once; start another one to wait again"),
        );
        None
    }

    fn expectations(
        &mut self,
        op: &str,
        raw: &RawStep,
        set: &[RawExpectation],
        default: &StatusSet,
    ) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for expectation in set {
            let Some(process) = self.running(&expectation.process, op) else {
                continue;
            };
            self.waited.insert(process, expectation.process.1);
            let (status, span) = expectation.status.clone().unwrap_or_else(|| (default.clone(), expectation.process.1));
            let check = self.checks.add(format!("{}: status", self.label(op, raw, process)), span);
            expectations.push(Expectation { process, status, check, span });
        }
        expectations
    }

    fn outputs(&mut self, label: &str, outputs: &[RawOutput], own: Option<ProcessId>) -> Vec<OutputCheck> {
        let texts = |scope: &Scope<'_>, raw: &[RawText]| raw.iter().map(|text| scope.text(text, own)).collect();
        let mut checks = Vec::new();
        for output in outputs {
            let expected = match &output.expected {
                RawOutputExpectation::Equals(text) => OutputExpectation::Equals(self.scope.text(text, own)),
                RawOutputExpectation::Contains(raw) => OutputExpectation::Contains(texts(self.scope, raw)),
                RawOutputExpectation::Matches(raw) => {
                    OutputExpectation::Matches(raw.iter().map(|text| self.scope.regex(text, own)).collect())
                }
                RawOutputExpectation::Json(node) => OutputExpectation::Json(self.scope.json(node, own)),
            };
            let check = self.checks.add(format!("{label}: {}", output.key), output.span);
            checks.push(OutputCheck { check, span: output.span, stream: output.stream, expected });
        }
        checks
    }

    fn ready(&self, process: ProcessId, raw: &RawCondition) -> Option<Action> {
        let own = Some(process);
        let scope = &self.scope;
        let kind = match &raw.kind {
            RawConditionKind::Port(port) => ConditionKind::Port(self.port(process, port)?),
            RawConditionKind::Http { port: Some(port), path } => {
                ConditionKind::Http(self.port(process, port)?, scope.text(path, own))
            }
            RawConditionKind::Http { port: None, path } => {
                let first = scope.ports.iter().position(|port| port.process == process);
                let Some(port) = first else {
                    scope.problems.add(
                        Diagnostic::error(raw.span, format!("`{}` has no port", scope.processes[process]))
                            .help("give it one: `listen: [http]`"),
                    );
                    return None;
                };
                ConditionKind::Http(port, scope.text(path, own))
            }
            RawConditionKind::Log(regex) => ConditionKind::Log(scope.regex(regex, own)),
            RawConditionKind::File(path) => ConditionKind::File(scope.os_text(path, own, "a path")),
            RawConditionKind::Exec(argv) => ConditionKind::Exec {
                argv: argv.iter().map(|argument| scope.os_text(argument, own, "an argument")).collect(),
                roots: scope.roots(argv[0].1),
            },
        };
        Some(Action::Ready(process, Condition { span: raw.span, kind }))
    }

    /// The port of this name that `process` has.
    fn port(&self, process: ProcessId, (name, span): &RawText) -> Option<PortId> {
        let ports = &self.scope.ports;
        let own = |id: &PortId| ports[*id].process == process;
        let found = (0..ports.len()).filter(own).find(|id| ports[*id].name == *name);
        if found.is_none() {
            let known: Vec<_> = (0..ports.len()).filter(own).map(|id| ports[id].name.as_str()).collect();
            let process = &self.scope.processes[process];
            let problem = Diagnostic::error(*span, format!("`{process}` has no port `{name}`"));
            self.scope.problems.add(match nearest(name, known.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("name its ports: `listen: [{name}]`")),
            });
        }
        // Whoever connects to a socket that foresee listens on is always let in: that says nothing about the server.
        if let Some(id) = found.filter(|id| ports[*id].kind == PortKind::Fd) {
            self.scope.problems.add(
                Diagnostic::error(
                    *span,
                    format!("the port `{name}` is passed as a listening socket, so it always accepts"),
                )
                .related(ports[id].span, "it is passed here")
                .help("use `{http: /}`, `{log: …}` or `{exec: …}`"),
            );
        }
        found
    }
}

const _: () = assert!(LIFECYCLE == 0, "Checks::new adds the lifecycle first");
