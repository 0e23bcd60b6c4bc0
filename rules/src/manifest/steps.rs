//! Steps to resolved steps: references to processes, ports and texts are looked up, test cases are named.

use std::collections::HashMap;

use super::names::{APP, Stems};
use super::process::{RawCondition, RawConditionKind, RawProcess, RawStdin};
use super::raw::RawCase;
use super::reader::RawText;
use super::resolve::{CaseApp, Setting, layer_env};
use super::scope::Scope;
use super::step::{RawExpectation, RawOp, RawOutput, RawOutputExpectation, RawStep};
use crate::case::{
    Action, App, Check, Checks, Condition, ConditionKind, Expectation, LIFECYCLE, OutputCheck, OutputExpectation, Port,
    PortId, PortKind, Process, ProcessId, StatusSet, Stdin, Step, Text,
};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

/// What the steps of a case become.
pub(super) struct Resolved {
    pub(super) processes: Vec<Process>,
    pub(super) ports: Vec<Port>,
    pub(super) app: Option<App>,
    pub(super) steps: Vec<Step>,
    pub(super) checks: Vec<Check>,
}

/// Resolves all steps of a case. `processes` are those of [`RawCase::processes`], named already.
pub(super) fn resolve_steps(
    raw: &RawCase,
    processes: &[&RawProcess],
    log_stems: Vec<String>,
    taken: Stems,
    setting: &Setting<'_>,
    scope: &mut Scope<'_>,
) -> Resolved {
    let used = scope.app_used.get();
    let app = scope.app.map(|id| resolve_process(id, processes[id], &log_stems[id], setting.env, scope));
    // That the app speaks of its own port is no reason to start it.
    scope.app_used.set(used);
    let mut spawns: Vec<_> = raw.steps.iter().flat_map(spawned).collect();
    let mut started = HashMap::new();
    if let (CaseApp::Started(process, _), Some(id)) = (setting.app, scope.app) {
        spawns.push(process.span);
        started.insert(id, process.span);
    }
    let mut walk = Walk {
        scope,
        checks: Checks::new(raw.span),
        started,
        waited: HashMap::new(),
        complete: raw.complete,
        processes: Vec::new(),
        log_stems,
        setting,
        spawns,
        taken,
    };
    let steps = raw.steps.iter().flat_map(|step| walk.step(step)).collect();
    let mut resolved = std::mem::take(&mut walk.processes);
    resolved.extend(app);
    let (steps, app) = walk.with_app(steps);
    let checks = walk.checks.into_vec();
    let mut ports = std::mem::take(&mut scope.ports);
    if let (None, Some(unused)) = (&app, scope.app) {
        ports.retain(|port| port.process != unused);
        resolved.truncate(unused);
    }
    Resolved { processes: resolved, ports, app, steps, checks }
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
    log_stem: &str,
    env: &[(String, Text)],
    scope: &mut Scope<'_>,
) -> Process {
    let known_env = scope.env.clone();
    let env = layer_env(env.to_vec(), &raw.env, scope, Some(id));
    let own = Some(id);
    let stdin = match &raw.stdin {
        RawStdin::Null => Stdin::Null,
        RawStdin::Text(text) => Stdin::Text(scope.text(text, own)),
        RawStdin::File(file) => scope.file(file, "`stdin`").map_or(Stdin::Null, Stdin::File),
    };
    let process = Process {
        name: scope.processes[id].clone(),
        log_stem: log_stem.to_owned(),
        argv: raw.argv.iter().map(|argument| scope.os_text(argument, own, "an argument")).collect(),
        roots: scope.roots(raw.argv[0].1),
        cwd: raw.cwd.as_ref().map(|cwd| scope.os_text(cwd, own, "a path")),
        env,
        stdin,
        reserve: raw.reserve,
        span: raw.argv[0].1,
    };
    scope.env = known_env;
    process
}

/// The walk through the steps, in order.
pub(super) struct Walk<'w, 'a> {
    pub(super) scope: &'w mut Scope<'a>,
    pub(super) checks: Checks,
    started: HashMap<ProcessId, Span>,
    pub(super) waited: HashMap<ProcessId, Span>,
    /// The processes that were started so far. They are resolved in the order of the steps: what a `capture` gives is
    /// known to those after it.
    processes: Vec<Process>,
    log_stems: Vec<String>,
    pub(super) setting: &'w Setting<'w>,
    /// Where each process is started, also those of steps to come.
    spawns: Vec<Span>,
    /// Whether every step could be read.
    complete: bool,
    /// Names of log files that are taken.
    pub(super) taken: Stems,
}

impl Walk<'_, '_> {
    fn step(&mut self, raw: &RawStep) -> Vec<Step> {
        let timeout = raw.timeout.unwrap_or(self.setting.timeout);
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
                let (own, mut grace) = (*signal, *grace);
                let mut signal = own.unwrap_or(libc::SIGTERM);
                let mut default = StatusSet::killed_by(signal);
                // To kill the app alone, without a word on how, is to stop it.
                if let (CaseApp::Started(_, stop), [one], None) = (self.setting.app, set.as_slice(), own)
                    && one.process.0 == APP
                {
                    signal = stop.signal;
                    default = stop.status.clone();
                    grace = grace.or(Some(stop.grace));
                }
                let set = self.expectations("kill", raw, set, &default);
                vec![step(Action::Kill { set, signal, grace })]
            }
            RawOp::Target(target) => self.target(raw, target).map(step).into_iter().collect(),
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
        let id = self.processes.len();
        let resolved = resolve_process(id, process, &self.log_stems[id], self.setting.env, self.scope);
        self.processes.push(resolved);
        self.started.insert(id, process.span);
        id
    }

    /// The process of this name, started before.
    fn find(&self, (name, span): &RawText) -> Option<ProcessId> {
        let id = self.scope.processes.iter().position(|known| known == name);
        if let Some(id) = id {
            self.scope.names(id);
        }
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
    pub(super) fn running(&self, process: &RawText, op: &str) -> Option<ProcessId> {
        let id = self.find(process)?;
        let Some(waited) = self.waited.get(&id) else {
            return Some(id);
        };
        let name = &process.0;
        let twice = if matches!(op, "ready" | "to") { "has been waited for" } else { "is waited for twice" };
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

    pub(super) fn ready(&self, process: ProcessId, raw: &RawCondition) -> Option<Action> {
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
