//! The raw form of a manifest: what was written, with places, before inheritance and names are resolved.

use std::time::Duration;

use super::node::{Entry, Node, Scalar};
use super::reader::{Fields, Problems, RawText, unknown_key};
use super::scope::is_variable_name;
use super::step::{RawStep, read_step};
use super::vocabulary::{
    CASE, CONSTRAINTS, Key, LIMITS, NETWORKS, OPERATORS, ORPHANS, SANDBOX, SETTINGS, TARGET, VIEWS, names,
};
use crate::case::{Network, Orphans, View};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

/// One file as it was written.
#[derive(Debug, Default)]
pub(super) struct RawManifest {
    pub(super) name: Option<RawText>,
    pub(super) include: Vec<RawText>,
    pub(super) settings: Settings,
    pub(super) cases: Vec<RawCase>,
}

/// The settings that files and cases share; what is `None` or empty was not written.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) app: Option<Node>,
    pub(super) attempts: Option<u32>,
    pub(super) deadline: Option<Duration>,
    pub(super) env: Vec<(RawText, RawText)>,
    pub(super) inherit_env: Vec<RawText>,
    pub(super) inputs: Vec<RawText>,
    pub(super) limits: RawLimits,
    pub(super) sandbox: RawSandbox,
    pub(super) secrets: Vec<RawText>,
    pub(super) timeout: Option<Duration>,
    pub(super) vars: Vec<(RawText, Node)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct RawLimits {
    pub(super) memory: Option<u64>,
    pub(super) processes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) cpu: Option<Duration>,
    pub(super) file_size: Option<u64>,
    pub(super) log: Option<u64>,
    pub(super) body: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct RawSandbox {
    pub(super) view: Option<View>,
    pub(super) network: Option<Network>,
    pub(super) require: Option<Vec<RawText>>,
    pub(super) orphans: Option<Orphans>,
}

/// One case as it was written.
#[derive(Debug)]
pub(super) struct RawCase {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) skip: Option<String>,
    pub(super) settings: Settings,
    pub(super) steps: Vec<RawStep>,
    /// Whether all of its steps could be read.
    pub(super) complete: bool,
}

/// Reads a whole file.
pub(super) fn read_manifest(root: &Node, problems: &Problems) -> RawManifest {
    let mut manifest = RawManifest::default();
    let Some(entries) = root.entries() else {
        problems.add(
            Diagnostic::error(root.span, format!("a manifest must be a mapping, not {}", root.describe()))
                .help("name a case: `testIt: [{run: [echo, hello]}]`"),
        );
        return manifest;
    };
    manifest.settings = read_settings(entries, problems);
    for entry in entries {
        let node = &entry.node;
        match entry.key.as_str() {
            "version" => check_version(node, problems),
            "name" => manifest.name = problems.string(node, "`name`").filter(|name| check_name(name, problems)),
            "include" => manifest.include = problems.strings(node, "`include`"),
            "secrets" => manifest.settings.secrets = problems.strings(node, "`secrets`"),
            key if names(SETTINGS).any(|name| name == key) || key.starts_with("x-") => {}
            key if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("test")) => {
                if check_case_name(entry, problems) {
                    manifest.cases.push(read_case(entry, problems));
                }
            }
            _ => problems.add(unknown_setting(entry)),
        }
    }
    manifest
}

fn unknown_setting(entry: &Entry) -> Diagnostic {
    if let Some(operator) = names(OPERATORS).find(|name| *name == entry.key) {
        return Diagnostic::error(entry.key_span, format!("the step `{operator}` stands outside of a case"))
            .help(format!("put it under a key that starts with `test`: `testIt: [{{{operator}: …}}]`"));
    }
    if nearest(&entry.key, names(SETTINGS)).is_some() {
        return unknown_key(entry, "a manifest", names(SETTINGS));
    }
    Diagnostic::error(entry.key_span, format!("unknown key `{}` in a manifest", entry.key))
        .help("a case's key starts with `test`, a key to be ignored with `x-`")
}

fn check_version(node: &Node, problems: &Problems) {
    if let Some(version) = problems.integer(node, "`version`", 0).filter(|version| *version != 1) {
        problems.add(
            Diagnostic::error(node.span, format!("version {version} of the format is not known here"))
                .help("this foresee reads version 1"),
        );
    }
}

fn check_name((name, span): &RawText, problems: &Problems) -> bool {
    let good = !name.is_empty() && !name.contains(|c: char| c.is_control());
    if !good {
        problems.error(*span, "`name` must be a line of text");
    }
    good
}

fn check_case_name(entry: &Entry, problems: &Problems) -> bool {
    let key = entry.key.as_str();
    if matches!(key.to_ascii_lowercase().as_str(), "test" | "tests" | "testing") {
        problems.add(
            Diagnostic::error(entry.key_span, format!("`{key}` alone does not say what is tested"))
                .help(format!("name the case: `{key}_something`")),
        );
        return false;
    }
    let bad = key.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
    if let Some(bad) = bad {
        problems.add(
            Diagnostic::error(entry.key_span, format!("the case name `{key}` has {bad:?} in it"))
                .help("use letters, digits, `_`, `-` and `.`"),
        );
        return false;
    }
    true
}

fn read_case(entry: &Entry, problems: &Problems) -> RawCase {
    let mut case = RawCase {
        name: entry.key.clone(),
        span: entry.key_span,
        skip: None,
        settings: Settings::default(),
        steps: Vec::new(),
        complete: true,
    };
    let body = &entry.node;
    let steps = match body.entries() {
        Some(entries) if entries.iter().any(|e| e.key == "steps") => {
            let Some(fields) = Fields::open(body, "a case", &[CASE], problems) else {
                return case;
            };
            case.settings = read_settings(entries, problems);
            case.skip = fields.get("skip").and_then(|n| read_reason(n, problems));
            fields.get("steps").unwrap_or(body)
        }
        Some([]) => {
            empty_case(entry, body, problems);
            return case;
        }
        Some(entries) if meant_as_case(entries) => {
            if let Some(fields) = Fields::open(body, "a case", &[CASE], problems) {
                let remedy = "a mapping is a case when it has `steps`, a step otherwise: `{steps: […], timeout: 5s}`";
                fields.require("steps", (entry.key_span, &format!("the case `{}`", entry.key)), remedy, problems);
            }
            return case;
        }
        _ => body,
    };
    match (steps.items(), steps.entries()) {
        (Some([]), _) => empty_case(entry, steps, problems),
        (Some(items), _) => {
            case.steps.extend(items.iter().filter_map(|step| read_step(step, problems)));
            case.complete = case.steps.len() == items.len();
        }
        (None, Some(_)) => case.steps.extend(read_step(steps, problems)),
        (None, None) if steps.is_null() => empty_case(entry, steps, problems),
        (None, None) => problems.add(
            Diagnostic::error(steps.span, format!("a case must be a list of steps, not {}", steps.describe()))
                .help(format!("write `{}: [{{run: [echo, hello]}}]`", entry.key)),
        ),
    }
    case
}

/// Whether a mapping without `steps` is a case that lacks them: it has settings, and nothing of a step.
fn meant_as_case(entries: &[Entry]) -> bool {
    let of = |key: &str, tables: &[&[Key]]| tables.iter().any(|table| names(table).any(|name| name == key));
    let own = |entry: &&Entry| !matches!(entry.key.as_str(), "skip" | "timeout");
    let steps = entries.iter().any(|e| nearest(&e.key, ["steps"]).is_some());
    let settings = entries.iter().filter(own).any(|e| of(&e.key, &[CASE]));
    let of_a_step = entries.iter().filter(own).any(|e| of(&e.key, &[OPERATORS, TARGET, CONSTRAINTS]));
    !of_a_step && (steps || settings || entries.iter().all(|e| of(&e.key, &[CASE])))
}

/// The reason of a `skip`.
pub(super) fn read_reason(node: &Node, problems: &Problems) -> Option<String> {
    let reason = match node.scalar() {
        Some(Scalar::Text(text)) => text.trim(),
        _ => "",
    };
    if reason.is_empty() {
        problems.add(
            Diagnostic::error(node.span, "`skip` must be text that says why")
                .help("write `skip: \"the server can't do this yet\"`"),
        );
        return None;
    }
    Some(reason.to_owned())
}

fn empty_case(entry: &Entry, steps: &Node, problems: &Problems) {
    let key = |entry: &Entry| entry.key_span;
    let steps_key = entry.node.entries().and_then(|entries| entries.iter().find(|e| e.key == "steps")).map(key);
    let written = steps.span.end > steps.span.start;
    let span = if written { steps.span } else { steps_key.unwrap_or(entry.key_span) };
    problems.add(
        Diagnostic::error(span, format!("the case `{}` has no steps", entry.key))
            .help("write what it does: `- run: [echo, hello]`"),
    );
}

/// Reads the settings that files and cases share.
fn read_settings(entries: &[Entry], problems: &Problems) -> Settings {
    let mut settings = Settings::default();
    for Entry { key, node, .. } in entries {
        let what = format!("`{key}`");
        match key.as_str() {
            "app" => settings.app = Some(node.clone()),
            "attempts" => {
                let read = problems.integer(node, &what, 1);
                settings.attempts = read.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            }
            "deadline" => settings.deadline = problems.duration(node, &what),
            "env" => settings.env = problems.text_map(node, &what),
            "inherit_env" => settings.inherit_env = problems.strings(node, &what),
            "inputs" => settings.inputs = problems.strings(node, &what),
            "limits" => settings.limits = read_limits(node, problems),
            "sandbox" => settings.sandbox = read_sandbox(node, problems),
            "timeout" => settings.timeout = problems.duration(node, &what),
            "vars" => settings.vars = read_vars(node, problems),
            _ => {}
        }
    }
    for ((name, span), _) in &settings.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            problems.add(
                Diagnostic::error(*span, format!("`{name}` can't be the name of an environment variable"))
                    .help("a name is not empty, and has neither `=` nor NUL in it"),
            );
        }
    }
    settings
}

fn read_vars(node: &Node, problems: &Problems) -> Vec<(RawText, Node)> {
    let entries = problems.entries(node, "`vars`").unwrap_or_default();
    for entry in entries {
        check_variable(&entry.key, entry.key_span, problems);
    }
    entries.iter().map(|e| ((e.key.clone(), e.key_span), e.node.clone())).collect()
}

/// What `vars` and `capture` may name.
pub(super) fn check_variable(name: &str, span: Span, problems: &Problems) {
    if !is_variable_name(name) || matches!(name, "port" | "socket" | "dir" | "manifest" | "runfiles") {
        problems
            .add(Diagnostic::error(span, format!("`{name}` can't be the name of a variable")).help(
                "use letters, digits, `_` and `-`; `port`, `socket`, `dir`, `manifest` and `runfiles` are taken",
            ));
    }
}

fn read_limits(node: &Node, problems: &Problems) -> RawLimits {
    let Some(fields) = Fields::open(node, "`limits`", &[LIMITS], problems) else {
        return RawLimits::default();
    };
    let size = |key: &str| fields.get(key).and_then(|n| problems.size(n, &format!("`{key}`")));
    let count = |key: &str, least| fields.get(key).and_then(|n| problems.integer(n, &format!("`{key}`"), least));
    RawLimits {
        memory: size("memory"),
        processes: count("processes", 1),
        open_files: count("open_files", 4),
        cpu: fields.get("cpu").and_then(|n| problems.duration(n, "`cpu`")),
        file_size: size("file_size"),
        log: size("log"),
        body: size("body"),
    }
}

fn read_sandbox(node: &Node, problems: &Problems) -> RawSandbox {
    let Some(fields) = Fields::open(node, "`sandbox`", &[SANDBOX], problems) else {
        return RawSandbox::default();
    };
    let word = |key: &str, words| fields.get(key).and_then(|n| problems.word(n, &format!("`{key}`"), words));
    RawSandbox {
        view: word("view", VIEWS).map(|i| [View::Host, View::Declared][i]),
        network: word("network", NETWORKS).map(|i| [Network::Private, Network::Host][i]),
        require: fields.get("require").map(|n| {
            let facets = problems.strings(n, "`require`");
            for (facet, span) in &facets {
                check_facet(facet, *span, problems);
            }
            facets
        }),
        orphans: word("orphans", ORPHANS).map(|i| [Orphans::Fail, Orphans::Reap][i]),
    }
}

fn check_facet(facet: &str, span: Span, problems: &Problems) {
    let known = crate::sandbox::FACETS;
    if known.contains(&facet) {
        return;
    }
    let problem = Diagnostic::error(span, format!("`{facet}` is not a facet of isolation"));
    problems.add(match nearest(facet, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("write some of: {}", known.join(", "))),
    });
}
