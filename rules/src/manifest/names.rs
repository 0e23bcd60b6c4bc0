//! What processes, their ports and their log files are called.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::process::RawProcess;
use super::raw::RawCase;
use super::scope::Scope;
use super::step::RawOp;
use crate::case::{Piece, Port};
use crate::diagnostic::Diagnostic;

/// The name of the process that a case's `app` setting makes.
pub(super) const APP: &str = "app";

/// Longest log file name before `.stdout`; the rest of it is left for attempts and a view's suffix.
const MAX_STEM: usize = 100;

impl RawCase {
    /// Every process that the case starts, in order.
    pub(super) fn processes(&self) -> Vec<&RawProcess> {
        let mut processes = Vec::new();
        for step in &self.steps {
            match &step.op {
                RawOp::Spawn(spawned) => processes.extend(spawned),
                RawOp::Run { process, .. } => processes.push(process),
                _ => {}
            }
        }
        processes
    }
}

/// Names for steps, and names for log files; beside them the set of those that are taken.
pub(super) fn name_processes(processes: &[&RawProcess], scope: &Scope<'_>) -> (Vec<String>, Vec<String>, Stems) {
    let mut taken: HashSet<String> = HashSet::new();
    for process in processes {
        let Some((name, span)) = &process.named else {
            continue;
        };
        if name == APP {
            scope.problems.add(
                Diagnostic::error(*span, "the name `app` is reserved for the app of the case").help("choose another"),
            );
        } else if !taken.insert(name.clone()) {
            let first = processes.iter().filter_map(|p| p.named.as_ref()).find(|(other, _)| other == name);
            let problem = Diagnostic::error(*span, format!("two processes are called `{name}`"));
            scope.problems.add(match first {
                Some((_, first)) => problem.related(*first, "the first is here").help("give one of them another name"),
                None => problem,
            });
        }
    }
    let mut names = Vec::new();
    let mut numbers = HashMap::new();
    for process in processes {
        names.push(match &process.named {
            Some((name, _)) => name.clone(),
            None => free_name(base_name(process, scope), &mut taken, &mut numbers),
        });
    }
    let mut stems = Stems::new();
    let log_stems = names.iter().map(|name| log_stem(name, &mut stems)).collect();
    (names, log_stems, stems)
}

/// NAME, or the first of NAME-1, NAME-2… that is free. `numbers` has the last number that each base name was given.
fn free_name(base: String, taken: &mut HashSet<String>, numbers: &mut HashMap<String, u32>) -> String {
    if taken.insert(base.clone()) {
        return base;
    }
    let number = numbers.entry(base.clone()).or_insert(0);
    loop {
        *number += 1;
        let name = format!("{base}-{number}");
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

/// The base name of `argv[0]`.
fn base_name(process: &RawProcess, scope: &Scope<'_>) -> String {
    let (written, span) = &process.argv[0];
    // What is wrong with the text itself is reported when the process is resolved; here only its last part counts.
    let quiet = Scope { problems: &super::reader::Problems::default(), vars: scope.vars.clone(), ..scope.empty() };
    let text = quiet.text(&process.argv[0], None);
    let tail = match text.0.last() {
        Some(Piece::Literal(tail)) if text.0.len() == 1 || tail.contains('/') => tail.trim_end_matches('/'),
        _ => "",
    };
    let base = tail.rsplit('/').next().unwrap_or("");
    if base.is_empty() {
        scope.problems.add(
            Diagnostic::error(*span, format!("`{written}` gives the process no name")).help("name it: `as: NAME`"),
        );
        return "process".into();
    }
    if base == APP {
        scope.problems.add(
            Diagnostic::error(*span, "the name `app` is reserved for the app of the case")
                .help("give this process another name: `as: NAME`"),
        );
    }
    base.to_owned()
}

impl<'a> Scope<'a> {
    /// The same place with no names known.
    fn empty(&self) -> Scope<'a> {
        Scope {
            problems: self.problems,
            sources: self.sources,
            runfiles: self.runfiles,
            vars: Vec::new(),
            env: Vec::new(),
            processes: Vec::new(),
            ports: Vec::new(),
            captures: Vec::new(),
            app: None,
            app_used: std::cell::Cell::new(false),
        }
    }
}

/// Names of log files that are taken, in lower case, each with the number that was last put behind it: a target that comes
/// a thousand times must not try a thousand numbers each time.
pub(super) type Stems = HashMap<String, u32>;

/// A name for log files that is one path component, of bounded length, and differs from all others.
///
/// Names that had to be changed end in a part of their digest, so that `a/b` and `a_b` stay apart and the same name
/// gives the same file in every run.
pub(super) fn log_stem(name: &str, taken: &mut Stems) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || "-_.+@=,".contains(c) { c } else { '_' }
    };
    let mut stem: String = name.chars().map(safe).collect();
    if stem.starts_with('.') || stem.starts_with('-') {
        stem.insert(0, '_');
    }
    while stem.len() > MAX_STEM {
        stem.pop();
    }
    // File systems that ignore letter case must keep them apart as well.
    if stem != name || taken.contains_key(&stem.to_lowercase()) {
        stem.push('~');
        for byte in &Sha256::digest(name.as_bytes())[..4] {
            let _ = write!(stem, "{byte:02x}");
        }
    }
    let base = stem.clone();
    while taken.contains_key(&stem.to_lowercase()) {
        let number = taken.entry(base.to_lowercase()).or_insert(1);
        *number += 1;
        stem = format!("{base}~{number}");
    }
    taken.insert(stem.to_lowercase(), 1);
    stem
}

/// The ports of all processes, in order.
pub(super) fn number_ports(processes: &[&RawProcess]) -> Vec<Port> {
    let of = |(process, raw): (usize, &&RawProcess)| {
        let port = move |port: &super::process::RawPort| Port {
            name: port.name.0.clone(),
            process,
            kind: port.kind,
            span: port.name.1,
        };
        raw.listen.iter().map(port).collect::<Vec<_>>()
    };
    processes.iter().enumerate().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_stems_are_single_components_and_differ() {
        let mut taken = Stems::new();
        let long = "x".repeat(300);
        let names =
            ["echo", "../../x", "a/b", "a_b", "a b", "-rf", "..", ".", "Echo", "é", long.as_str(), "a\u{202e}b"];
        let stems: Vec<_> = names.iter().map(|name| log_stem(name, &mut taken)).collect();
        for (name, stem) in names.iter().zip(&stems) {
            assert!(!stem.contains('/') && stem.len() < 120 && !stem.starts_with(['.', '-']), "{name}: {stem}");
        }
        let different: HashSet<_> = stems.iter().map(|stem| stem.to_lowercase()).collect();
        assert_eq!(different.len(), stems.len());
        assert_eq!(stems[0], "echo");
    }
}
