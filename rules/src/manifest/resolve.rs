//! Raw to resolved: inheritance, names, references, ports, checks.

use std::cell::Cell;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::Caller;
use super::app::{RawApp, Stop, outside, read_app};
use super::lint::lint_process;
use super::names::{APP, log_stem, name_processes, number_ports};
use super::process::RawProcess;
use super::raw::{RawCase, Settings};
use super::reader::{Problems, RawText};
use super::scope::{BASE_ENV, Scope, join};
use super::steps::resolve_steps;
use crate::case::{Case, Input, Limits, Piece, SandboxWish, Server, Text};
use crate::diagnostic::Diagnostic;
use crate::source::Sources;

/// How long one wait, kill, run, readiness or request may take by default.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How a file is called in reports.
#[derive(Clone, Debug)]
pub(super) struct FileName {
    /// FILE of the contract: relative path, base name, or the manifest's `name`.
    pub(super) file: String,
    /// The path for the `file` attributes.
    pub(super) path: String,
    /// The beginning of its class names.
    pub(super) class: String,
}

/// What a case is resolved in.
pub(super) struct Surroundings<'a> {
    pub(super) file: &'a FileName,
    /// Settings of the including files and of the file itself, the outermost first.
    pub(super) outer: Vec<&'a Settings>,
    pub(super) caller: &'a Caller,
    pub(super) sources: &'a Sources,
    pub(super) problems: &'a Problems,
}

/// The nearest setting wins.
fn nearest<T>(chain: &[&Settings], get: impl Fn(&Settings) -> Option<T>) -> Option<T> {
    chain.iter().rev().find_map(|settings| get(settings))
}

/// Resolves one case.
pub(super) fn resolve_case(raw: &RawCase, around: &Surroundings<'_>) -> Case {
    let problems = around.problems;
    let chain: Vec<&Settings> = around.outer.iter().copied().chain([&raw.settings]).collect();
    let inherited = inherited(&chain, around.caller);
    let mut scope = Scope {
        problems,
        sources: around.sources,
        runfiles: around.caller.runfiles.as_deref(),
        vars: chain.iter().rev().flat_map(|s| &s.vars).map(|((name, _), node)| (name.as_str(), node)).collect(),
        env: united(&chain, |s| &s.inherit_env),
        processes: Vec::new(),
        ports: Vec::new(),
        captures: Vec::new(),
        app: None,
        app_used: Cell::new(false),
    };
    let mut raw_processes = raw.processes();
    let (mut names, mut log_stems, mut taken) = name_processes(&raw_processes, &scope);
    let app = nearest(&chain, |s| s.app.clone()).and_then(|node| read_app(&node, problems));
    let sandbox = sandbox(&chain);
    let app = match &app {
        None => CaseApp::None,
        Some(RawApp::Outside(url)) => outside(url, &sandbox, &scope).map_or(CaseApp::None, CaseApp::Outside),
        Some(RawApp::Started(process, stop)) => {
            // The last one: where nothing speaks of it, it is left out without a trace.
            scope.app = Some(raw_processes.len());
            raw_processes.push(process);
            names.push(APP.into());
            log_stems.push(log_stem(APP, &mut taken));
            CaseApp::Started(process, stop)
        }
    };
    scope.processes = names;
    scope.ports = number_ports(&raw_processes);

    let mut env = Vec::new();
    for settings in &chain {
        env = layer_env(env, &settings.env, &mut scope, None);
    }
    let timeout = nearest(&chain, |s| s.timeout).unwrap_or(TIMEOUT);
    let setting = Setting { timeout, env: &env, app: &app };
    let resolved = resolve_steps(raw, &raw_processes, log_stems, taken, &setting, &mut scope);
    let file = around.file;
    let case = Case {
        name: raw.name.clone(),
        file: file.file.clone(),
        path: file.path.clone(),
        suite: format!("{} :: {}", file.file, raw.name),
        classname: format!("{}.{}", file.class, raw.name.replace('.', "_")),
        span: raw.span,
        skip: raw.skip.clone(),
        attempts: nearest(&chain, |s| s.attempts).unwrap_or(1),
        deadline: nearest(&chain, |s| s.deadline),
        env,
        inherited,
        secrets: united(&chain, |s| &s.secrets),
        inputs: chain.iter().flat_map(|s| &s.inputs).filter_map(|input| resolve_input(input, &scope)).collect(),
        limits: limits(&chain),
        sandbox,
        runfiles: around.caller.runfiles.clone(),
        processes: resolved.processes,
        ports: resolved.ports,
        app: resolved.app,
        steps: resolved.steps,
        checks: resolved.checks,
    };
    if let (CaseApp::Started(process, _), Some(_)) = (&app, &case.app) {
        lint_process(process, &case, around.sources).into_iter().for_each(|lint| problems.add(lint));
    }
    case
}

/// Who answers the targets of a case.
pub(super) enum CaseApp<'a> {
    None,
    Started(&'a RawProcess, &'a Stop),
    Outside(Server),
}

/// What the steps of a case take from its settings.
pub(super) struct Setting<'a> {
    pub(super) timeout: Duration,
    pub(super) env: &'a [(String, Text)],
    pub(super) app: &'a CaseApp<'a>,
}

/// The names of all settings, once each.
fn united(chain: &[&Settings], get: impl Fn(&Settings) -> &Vec<RawText>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (name, _) in chain.iter().flat_map(|settings| get(settings)) {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

/// What `inherit_env` finds in the caller's environment.
fn inherited(chain: &[&Settings], caller: &Caller) -> Vec<(String, String)> {
    let names = united(chain, |s| &s.inherit_env);
    names.into_iter().filter_map(|name| Some((name.clone(), caller.env.get(&name)?.clone()))).collect()
}

/// Lays `inner` over `outer`: in it, `${env.NAME}` is the outer value.
pub(super) fn layer_env(
    outer: Vec<(String, Text)>,
    inner: &[(RawText, RawText)],
    scope: &mut Scope<'_>,
    own: Option<usize>,
) -> Vec<(String, Text)> {
    let mut layered = outer.clone();
    for ((name, _), raw) in inner {
        let pieces = scope.os_text(raw, own, "a variable").0.into_iter().flat_map(|piece| match &piece {
            Piece::Env(name) => match outer.iter().find(|(known, _)| known == name) {
                Some((_, text)) => text.0.clone(),
                None => vec![piece],
            },
            _ => vec![piece],
        });
        let text = Text(join(pieces.collect()));
        match layered.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = text,
            None => layered.push((name.clone(), text)),
        }
    }
    // Only now: a variable of this layer is not yet known within it.
    for ((name, _), _) in inner {
        if !BASE_ENV.contains(&name.as_str()) && !scope.env.contains(name) {
            scope.env.push(name.clone());
        }
    }
    layered
}

fn resolve_input(raw: &RawText, scope: &Scope<'_>) -> Option<Input> {
    let path = scope.known(raw, "an input")?;
    let relative = Path::new(&path);
    let inside = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if !inside || path.is_empty() {
        scope.problems.add(
            Diagnostic::error(raw.1, format!("the input `{path}` does not lie below the manifest"))
                .help("inputs keep their relative path in the work directory: no `..`, no absolute path"),
        );
        return None;
    }
    let from = scope.file(&(path.clone(), raw.1), "an input")?;
    let to: PathBuf = relative.components().filter(|c| matches!(c, Component::Normal(_))).collect();
    Some(Input { from, to })
}

fn limits(chain: &[&Settings]) -> Limits {
    let default = Limits::default();
    Limits {
        memory: nearest(chain, |s| s.limits.memory),
        processes: nearest(chain, |s| s.limits.processes),
        open_files: nearest(chain, |s| s.limits.open_files),
        cpu: nearest(chain, |s| s.limits.cpu),
        file_size: nearest(chain, |s| s.limits.file_size),
        log: nearest(chain, |s| s.limits.log).unwrap_or(default.log),
        body: nearest(chain, |s| s.limits.body).unwrap_or(default.body),
    }
}

fn sandbox(chain: &[&Settings]) -> SandboxWish {
    let require = nearest(chain, |s| s.sandbox.require.clone()).unwrap_or_default();
    SandboxWish {
        view: nearest(chain, |s| s.sandbox.view).unwrap_or_default(),
        network: nearest(chain, |s| s.sandbox.network).unwrap_or_default(),
        require: require.into_iter().map(|(facet, _)| facet).collect(),
        orphans: nearest(chain, |s| s.sandbox.orphans).unwrap_or_default(),
    }
}
