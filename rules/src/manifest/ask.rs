//! What a case with targets has more of: the life of its app around its steps, and whom a target asks.

use super::app::Stop;
use super::names::{APP, log_stem};
use super::resolve::CaseApp;
use super::step::RawStep;
use super::steps::Walk;
use super::target::{Naming, RawTarget, find_server, resolve_target};
use crate::case::{Action, App, Condition, ConditionKind, Expectation, LIFECYCLE, Port, ProcessId, Server, Step, Text};
use crate::diagnostic::Diagnostic;

impl Walk<'_, '_> {
    /// The steps between the start and the stop of the app, when anything needs it.
    pub(super) fn with_app(&mut self, mut steps: Vec<Step>) -> (Vec<Step>, Option<App>) {
        let (CaseApp::Started(raw, stop), Some(process)) = (self.setting.app, self.scope.app) else {
            return (steps, None);
        };
        if !self.scope.app_used.get() {
            return (steps, None);
        }
        let span = raw.argv[0].1;
        let ready = match &raw.ready {
            Some(ready) => self.ready(process, ready),
            None => {
                let port = self.scope.ports.iter().position(|port| port.process == process);
                port.map(|port| {
                    let kind = ConditionKind::Http(port, Text::literal("/"));
                    Action::Ready(process, Condition { span, kind })
                })
            }
        };
        let timeout = self.setting.timeout;
        let start = std::iter::once(Action::Spawn(vec![process])).chain(ready);
        let start: Vec<_> = start.map(|action| Step { span, timeout, action }).collect();
        steps.splice(0..0, start);
        let stopped = !self.waited.contains_key(&process);
        if stopped {
            steps.push(stop_step(process, stop));
        }
        let stop = stopped.then(|| steps.len() - 1);
        (steps, Some(App { process, stop }))
    }

    pub(super) fn target(&mut self, step: &RawStep, raw: &RawTarget) -> Option<Action> {
        let server = match (&raw.to, self.setting.app) {
            (Some(to), _) if to.0 != APP || self.scope.app.is_some() => {
                let port = find_server(to, self.scope)?;
                let name = self.scope.processes[self.scope.ports[port].process].clone();
                self.running(&(name, to.1), "to")?;
                Server::Port(port)
            }
            (_, CaseApp::Outside(server)) => server.clone(),
            (_, CaseApp::Started(..)) => {
                let own = |port: &Port| Some(port.process) == self.scope.app;
                let first = self.scope.ports.iter().position(own)?;
                self.running(&(APP.into(), step.span), "to")?;
                Server::Port(first)
            }
            (_, CaseApp::None) => {
                self.scope.problems.add(Diagnostic::error(step.span, "there is no `app` to be asked").help(
                    "say how it is started: `app: [python3, \"${manifest}/app.py\", \"${port}\"]`; or ask a process: \
                         `to: NAME`",
                ));
                return None;
            }
        };
        let label = step.name.clone().unwrap_or_else(|| raw.label.clone());
        let log = format!("{}.response", log_stem(&label, &mut self.taken));
        let checks = &mut self.checks;
        let naming = Naming { label: &label, log };
        resolve_target(raw, naming, server, self.scope, &mut |name, span| checks.add(name, span))
            .map(|target| Action::Request(Box::new(target)))
    }
}

fn stop_step(process: ProcessId, stop: &Stop) -> Step {
    let expectation = Expectation { process, status: stop.status.clone(), check: LIFECYCLE, span: stop.span };
    let action = Action::Kill { set: vec![expectation], signal: stop.signal, grace: Some(stop.grace) };
    Step { span: stop.span, timeout: stop.grace, action }
}
