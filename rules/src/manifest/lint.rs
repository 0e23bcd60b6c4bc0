//! What can be run, but surely not as meant.

use std::path::Path;

use super::process::RawProcess;
use super::raw::RawCase;
use crate::case::{Action, Case};
use crate::diagnostic::Diagnostic;
use crate::source::{Sources, Span, clamp};

/// The lints of one case.
pub(super) fn lint(raw: &RawCase, case: &Case, sources: &Sources) -> Vec<Diagnostic> {
    let mut lints = Vec::new();
    never_waited(case, &mut lints);
    for process in raw.processes() {
        lints.extend(lint_process(process, case, sources));
    }
    lints
}

/// The lints of one process.
pub(super) fn lint_process(process: &RawProcess, case: &Case, sources: &Sources) -> Vec<Diagnostic> {
    let mut lints = Vec::new();
    files_out_of_reach(process, case, sources, &mut lints);
    shell_syntax(process, sources, &mut lints);
    lints
}

fn never_waited(case: &Case, lints: &mut Vec<Diagnostic>) {
    let mut waited = vec![false; case.processes.len()];
    for step in &case.steps {
        match &step.action {
            Action::Wait(set, _) | Action::Kill { set, .. } => set.iter().for_each(|e| waited[e.process] = true),
            Action::Run(expectation, _) => waited[expectation.process] = true,
            _ => {}
        }
    }
    for (process, waited) in case.processes.iter().zip(waited) {
        if !waited {
            let name = &process.name;
            lints.push(
                Diagnostic::warning(process.span, format!("`{name}` is never waited for, so the case can't pass"))
                    .help(format!("end with `- wait: {name}` or `- kill: {name}`")),
            );
        }
    }
}

/// An argument that is a file beside the manifest is most likely meant to be found; in the work directory it is not.
fn files_out_of_reach(process: &RawProcess, case: &Case, sources: &Sources, lints: &mut Vec<Diagnostic>) {
    if process.cwd.is_some() {
        return;
    }
    for (argument, span) in process.argv.iter().skip(1) {
        let beside = sources.get(span.file).path.parent().map(|dir| dir.join(argument));
        let copied = case.inputs.iter().any(|input| Path::new(argument).starts_with(&input.to));
        let path_like = !argument.is_empty() && !argument.starts_with(['-', '/', '.']) && !argument.contains("${");
        if path_like && !copied && beside.is_some_and(|path| path.is_file()) {
            lints.push(
                Diagnostic::warning(*span, format!("`{argument}` lies beside the manifest, not in the work directory"))
                    .help(format!("write `${{manifest}}/{argument}`, or copy it: `inputs: [{argument}]`")),
            );
        }
    }
}

/// No shell sees a string `spawn`; who writes `|` or `>` in one expects it.
fn shell_syntax(process: &RawProcess, sources: &Sources, lints: &mut Vec<Diagnostic>) {
    if !process.split {
        return;
    }
    let span = process.argv[0].1;
    let text = sources.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("");
    if let Some((at, found)) = unquoted_shell_syntax(text) {
        let start = span.start + clamp(at);
        lints.push(
            Diagnostic::warning(
                Span { start, end: start + 1, ..span },
                format!("`{found}` has no meaning here: the string is split into words, no shell runs"),
            )
            .help("run a shell if you need one: `[sh, -c, '…']`"),
        );
    }
}

/// The first character that only a shell would understand, and where it stands.
fn unquoted_shell_syntax(text: &str) -> Option<(usize, char)> {
    // The outermost quotes are YAML's own.
    let inner = text.strip_prefix(['"', '\'']).and_then(|t| t.strip_suffix(['"', '\'']));
    let (offset, text) = inner.map_or((0, text), |inner| (1, inner));
    let mut quote = None;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if previous == '\\' => {}
            None if matches!(c, '|' | '&' | ';' | '<' | '>' | '`' | '*') => return Some((offset + at, c)),
            None if c == '$' && !text[at + 1..].starts_with(['{', '$']) => return Some((offset + at, c)),
            None => {}
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_syntax_counts_only_outside_of_quotes() {
        for (text, want) in [
            ("echo a | cat", Some('|')),
            ("echo $HOME", Some('$')),
            ("echo '|' \"a > b\"", None),
            ("server --port ${port}", None),
            ("echo \\;", None),
            ("rm *.txt", Some('*')),
        ] {
            assert_eq!(unquoted_shell_syntax(text).map(|(_, c)| c), want, "{text}");
        }
    }
}
