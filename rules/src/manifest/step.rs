//! One step as it was written: an operator with what stands beside it, or a target.

use std::time::Duration;

use super::node::{Entry, Node};
use super::process::{RawCondition, RawProcess, read_condition, read_process};
use super::reader::{Fields, Problems, RawText, unknown_key};
use super::target::{RawTarget, read_target};
use super::vocabulary::{CONSTRAINTS, KILL, Key, OPERATORS, OUTPUTS, RUN, STEP, TARGET, names};
use crate::case::{StatusSet, Stream};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

/// One step as it was written.
#[derive(Debug)]
pub(super) struct RawStep {
    pub(super) span: Span,
    pub(super) name: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) op: RawOp,
}

#[derive(Debug)]
pub(super) enum RawOp {
    /// `spawn` and `spawnPar`.
    Spawn(Vec<RawProcess>),
    /// `wait` and `waitPar`, by their name.
    Wait(&'static str, Vec<RawExpectation>, Vec<RawOutput>),
    Kill {
        set: Vec<RawExpectation>,
        signal: Option<i32>,
        grace: Option<Duration>,
    },
    Run {
        process: Box<RawProcess>,
        status: Option<(StatusSet, Span)>,
        outputs: Vec<RawOutput>,
    },
    Signal(Vec<(RawText, i32)>),
    Ready(Vec<(RawText, RawCondition)>),
    Target(Box<RawTarget>),
}

/// A process and the status that its exit must have; `None` is the operator's default.
#[derive(Debug)]
pub(super) struct RawExpectation {
    pub(super) process: RawText,
    pub(super) status: Option<(StatusSet, Span)>,
}

/// A constraint on what a process printed.
#[derive(Debug)]
pub(super) struct RawOutput {
    pub(super) key: &'static str,
    pub(super) stream: Stream,
    pub(super) span: Span,
    pub(super) expected: RawOutputExpectation,
}

#[derive(Debug)]
pub(super) enum RawOutputExpectation {
    Equals(RawText),
    Contains(Vec<RawText>),
    Matches(Vec<RawText>),
    Json(Node),
}

/// Reads one step.
pub(super) fn read_step(node: &Node, problems: &Problems) -> Option<RawStep> {
    let Some(entries) = node.entries() else {
        problems.add(
            Diagnostic::error(node.span, format!("a step must be a mapping, not {}", node.describe()))
                .help("write an operator and its value: `- run: [echo, hello]`"),
        );
        return None;
    };
    let mut operators: Vec<_> =
        entries.iter().filter_map(|e| Some((e, names(OPERATORS).find(|name| *name == e.key)?))).collect();
    if operators.iter().any(|(_, name)| *name == "kill") {
        // Beside `kill` it says what is sent.
        operators.retain(|(_, name)| *name != "signal");
    }
    match operators.as_slice() {
        [(entry, operator)] => read_operator(node, entry, operator, problems),
        [] => no_operator(node, entries, problems),
        [(first, _), (second, name), ..] => {
            problems.add(
                Diagnostic::error(second.key_span, format!("a second operator, `{name}`, in one step"))
                    .related(first.key_span, "the first is here")
                    .help("begin another step with `-`"),
            );
            None
        }
    }
}

fn no_operator(node: &Node, entries: &[Entry], problems: &Problems) -> Option<RawStep> {
    if entries.iter().any(|e| e.key == "path") {
        let fields = Fields::known(node)?;
        return Some(RawStep {
            span: fields.get("path").map_or(node.span, |path| path.span),
            name: fields.get("name").and_then(|n| step_name(n, problems)),
            timeout: fields.get("timeout").and_then(|n| problems.duration(n, "`timeout`")),
            op: RawOp::Target(Box::new(read_target(node, problems)?)),
        });
    }
    let meant = entries.iter().find_map(|e| Some((e, nearest(&e.key, names(OPERATORS))?)));
    let target = entries.iter().any(|e| [TARGET, CONSTRAINTS].iter().any(|t| names(t).any(|n| n == e.key)));
    let incomplete = entries.iter().all(|e| names(STEP).any(|name| name == e.key));
    let all = || names(OPERATORS).collect::<Vec<_>>().join(", ");
    problems.add(match (meant, entries.first()) {
        (Some((entry, near)), _) => {
            Diagnostic::error(entry.key_span, format!("unknown operator `{}`, did you mean `{near}`?", entry.key))
        }
        (None, _) if target => {
            Diagnostic::error(node.span, "a target has no `path`").help("write what is asked for: `path: /`")
        }
        (None, Some(entry)) if !incomplete => {
            Diagnostic::error(entry.key_span, format!("unknown operator `{}`", entry.key))
                .help(format!("write one of: {}; or a target with a `path`", all()))
        }
        (None, _) => Diagnostic::error(node.span, "a step without an operator")
            .help(format!("write one of: {}; or a target with a `path`", all())),
    });
    None
}

fn read_operator(node: &Node, entry: &Entry, operator: &'static str, problems: &Problems) -> Option<RawStep> {
    let own: Vec<&[Key]> = OPERATORS.iter().filter(|key| key.name == operator).map(std::slice::from_ref).collect();
    let beside: &[&[Key]] = match operator {
        "wait" => &[STEP, OUTPUTS],
        "kill" => &[STEP, KILL],
        "run" => &[STEP, RUN, OUTPUTS],
        _ => &[STEP],
    };
    let tables: Vec<&[Key]> = own.into_iter().chain(beside.iter().copied()).collect();
    if operator == "waitPar" {
        refuse_outputs(node, problems);
    }
    let fields = Fields::open(node, &format!("a `{operator}` step"), &tables, problems)?;
    let value = &entry.node;
    let what = format!("`{operator}`");
    let op = match operator {
        "spawn" => RawOp::Spawn(vec![read_process(value, "spawn", problems)?]),
        "spawnPar" => {
            let items = problems.items(value, &what)?;
            if items.is_empty() {
                problems.add(
                    Diagnostic::error(value.span, "`spawnPar` starts nothing")
                        .help("write a list of what it starts: `[[echo, a], [echo, b]]`"),
                );
            }
            let read: Vec<_> = items.iter().map(|item| read_process(item, "spawnPar", problems)).collect();
            RawOp::Spawn(read.into_iter().collect::<Option<_>>()?)
        }
        "wait" => {
            let set = read_set(value, "wait", problems);
            if set.len() > 1 {
                problems
                    .add(Diagnostic::error(value.span, "`wait` is for one process").help("use `waitPar` for several"));
            }
            RawOp::Wait("wait", set, read_outputs(fields, problems))
        }
        "waitPar" => RawOp::Wait("waitPar", read_set(value, "waitPar", problems), Vec::new()),
        "kill" => RawOp::Kill {
            set: read_set(value, "kill", problems),
            signal: fields.get("signal").and_then(|n| problems.signal(n, "`signal`")),
            grace: fields.get("grace").and_then(|n| problems.duration(n, "`grace`")),
        },
        "run" => RawOp::Run {
            process: Box::new(read_process(value, "run", problems)?),
            status: fields.get("status").and_then(|n| Some((problems.status(n, "`status`")?, n.span))),
            outputs: read_outputs(fields, problems),
        },
        "signal" => {
            let entries = some_processes(value, operator, problems)?;
            let read = |e: &Entry| Some(((e.key.clone(), e.key_span), problems.signal(&e.node, &what)?));
            RawOp::Signal(entries.iter().filter_map(read).collect())
        }
        _ => {
            let entries = some_processes(value, operator, problems)?;
            let read = |e: &Entry| Some(((e.key.clone(), e.key_span), read_condition(&e.node, problems)?));
            RawOp::Ready(entries.iter().filter_map(read).collect())
        }
    };
    Some(RawStep {
        span: Span { end: value.span.end.max(entry.key_span.end), ..entry.key_span },
        name: fields.get("name").and_then(|n| step_name(n, problems)),
        timeout: fields.get("timeout").and_then(|n| problems.duration(n, "`timeout`")),
        op,
    })
}

/// `{NAME: …}` with at least one NAME.
fn some_processes<'n>(node: &'n Node, operator: &str, problems: &Problems) -> Option<&'n [Entry]> {
    let entries = problems.entries(node, &format!("`{operator}`"))?;
    if entries.is_empty() {
        problems.add(no_process(node, operator));
    }
    Some(entries)
}

fn no_process(node: &Node, operator: &str) -> Diagnostic {
    Diagnostic::error(node.span, format!("`{operator}` names no process"))
        .help("name one that was started before: what its `as` says, or the base name of its program")
}

/// The `name` of a step: a line of text, for it goes into names of test cases.
pub(super) fn step_name(node: &Node, problems: &Problems) -> Option<String> {
    let (name, span) = problems.string(node, "`name`")?;
    if name.trim().is_empty() || name.contains(|c: char| c.is_control()) {
        problems.error(span, "`name` must be a line of text");
        return None;
    }
    Some(name)
}

fn refuse_outputs(node: &Node, problems: &Problems) {
    for entry in node.entries().unwrap_or_default() {
        if names(OUTPUTS).any(|name| name == entry.key) {
            problems.add(
                unknown_key(entry, "a `waitPar` step", std::iter::empty())
                    .help("which process is meant? constraints stand beside a `wait` for one process"),
            );
        }
    }
}

/// `NAME`, `[NAME…]` or `{NAME: STATUS, …}`.
fn read_set(node: &Node, operator: &str, problems: &Problems) -> Vec<RawExpectation> {
    let what = format!("`{operator}`");
    let set: Vec<_> = if let Some(entries) = node.entries() {
        let read = |e: &Entry| {
            let status = problems.status(&e.node, &format!("the status of `{}`", e.key));
            RawExpectation { process: (e.key.clone(), e.key_span), status: status.map(|s| (s, e.node.span)) }
        };
        entries.iter().map(read).collect()
    } else if let Some(items) = node.items() {
        let mut set = Vec::new();
        for item in items {
            // The contract's `waitPar` of pairs is a mapping; lists of one-key mappings mean the same.
            match item.entries() {
                Some(_) => set.extend(read_set(item, operator, problems)),
                None => set.extend(problems.text(item, &what).map(|process| RawExpectation { process, status: None })),
            }
        }
        set
    } else {
        problems.text(node, &what).map(|process| RawExpectation { process, status: None }).into_iter().collect()
    };
    if node.entries().is_some_and(<[_]>::is_empty) || node.items().is_some_and(<[_]>::is_empty) {
        problems.add(no_process(node, operator));
    }
    set
}

fn read_outputs(fields: Fields<'_>, problems: &Problems) -> Vec<RawOutput> {
    let read = |(key, stream, relation): (&'static str, Stream, &str)| {
        let node = fields.get(key)?;
        let what = format!("`{key}`");
        let expected = match relation {
            "" => RawOutputExpectation::Equals(problems.string(node, &what)?),
            "contains" => RawOutputExpectation::Contains(problems.one_or_more(node, &what)?),
            "matches" => RawOutputExpectation::Matches(problems.one_or_more(node, &what)?),
            _ => RawOutputExpectation::Json(node.clone()),
        };
        Some((fields.entry(key)?.key_span, RawOutput { key, stream, span: node.span, expected }))
    };
    let split = |key: &'static str| {
        let rest = key.strip_prefix("assert_")?;
        let (stream, relation) = rest.split_once('_').unwrap_or((rest, ""));
        Some((key, if stream == "stdout" { Stream::Stdout } else { Stream::Stderr }, relation))
    };
    let mut outputs: Vec<_> = names(OUTPUTS).filter_map(split).filter_map(read).collect();
    // Test cases stand in the order of the file.
    outputs.sort_by_key(|(key_span, _)| key_span.start);
    outputs.into_iter().map(|(_, output)| output).collect()
}
