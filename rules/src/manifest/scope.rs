//! `${…}`: what may stand there, and what is put in its place at load time.

use std::cell::Cell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::expansion::Expansion;
use super::node::{Entry, Node, Scalar, Value};
use super::reader::{Problems, RawText};
use crate::case::{JsonText, Piece, Port, PortKind, ProcessId, Text};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::{Sources, Span, clamp};

/// Variables that every process has.
pub(super) const BASE_ENV: &[&str] = &["PATH", "HOME", "TMPDIR", "TZ", "LANG"];

/// What `${…}` can speak of in one case.
pub(super) struct Scope<'a> {
    pub(super) problems: &'a Problems,
    pub(super) sources: &'a Sources,
    pub(super) runfiles: Option<&'a Path>,
    /// Variables of the manifest, the nearest first.
    pub(super) vars: Vec<(&'a str, &'a Node)>,
    /// Names of environment variables that are declared or inherited.
    pub(super) env: Vec<String>,
    pub(super) processes: Vec<String>,
    pub(super) ports: Vec<Port>,
    /// Names that a `capture` gives before this point.
    pub(super) captures: Vec<String>,
    /// The app, when the case could have one.
    pub(super) app: Option<ProcessId>,
    /// Whether something was said that needs the app.
    pub(super) app_used: Cell<bool>,
}

/// A variable's value, or what is wrong with its name.
type Found = Result<Vec<Piece>, Diagnostic>;

impl Scope<'_> {
    /// The text with every `${…}` looked up. `own` is the process whose `${port}` is meant.
    pub(super) fn text(&self, (text, span): &RawText, own: Option<ProcessId>) -> Text {
        let mut pieces = Vec::new();
        self.pieces(text, *span, own, &mut Expansion::default(), &mut pieces);
        Text(join(pieces))
    }

    /// Text that the kernel takes: it can't have NUL in it.
    pub(super) fn os_text(&self, raw: &RawText, own: Option<ProcessId>, what: &str) -> Text {
        let text = self.text(raw, own);
        if text.0.iter().any(|piece| matches!(piece, Piece::Literal(text) if text.contains('\0'))) {
            self.problems.error(raw.1, format!("{what} can't have NUL in it"));
        }
        text
    }

    /// A regular expression, checked as far as it is known.
    pub(super) fn regex(&self, raw: &RawText, own: Option<ProcessId>) -> Text {
        let text = self.text(raw, own);
        let known: String =
            text.0.iter().map(|piece| if let Piece::Literal(text) = piece { text } else { "x" }).collect();
        if let Err(error) = regex::Regex::new(&known) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            self.problems.error(raw.1, format!("not a regular expression: {reason}"));
        }
        text
    }

    /// Text that must be known at load time, because a file is looked up by it.
    pub(super) fn known(&self, raw: &RawText, what: &str) -> Option<String> {
        let text = self.text(raw, None);
        if let Some(known) = text.as_literal() {
            return Some(known.to_owned());
        }
        self.problems.add(
            Diagnostic::error(raw.1, format!("{what} must be known before the case runs"))
                .help("use text, `vars` or `${manifest}`; all else gets its value only then"),
        );
        None
    }

    /// A file on the manifest's side: relative to the manifest, then to the runfiles.
    pub(super) fn file(&self, raw: &RawText, what: &str) -> Option<PathBuf> {
        let path = self.known(raw, what)?;
        let found = self.roots(raw.1).iter().map(|root| root.join(&path)).find(|path| path.exists());
        if found.is_none() {
            let roots: Vec<_> = self.roots(raw.1).iter().map(|root| root.display().to_string()).collect();
            self.problems.add(
                Diagnostic::error(raw.1, format!("{what}: there is no `{path}`"))
                    .help(format!("it is looked for in {}", roots.join(", then in "))),
            );
        }
        found
    }

    /// Where the relative paths of the file that has `span` are looked up.
    pub(super) fn roots(&self, span: Span) -> Vec<PathBuf> {
        let manifest = self.manifest_dir(span).to_owned();
        std::iter::once(manifest).chain(self.runfiles.map(Path::to_owned)).collect()
    }

    pub(super) fn manifest_dir(&self, span: Span) -> &Path {
        self.sources.get(span.file).path.parent().unwrap_or(Path::new("/"))
    }

    /// A JSON value; numbers and booleans by the core schema, strings with their `${…}` looked up.
    pub(super) fn json(&self, node: &Node, own: Option<ProcessId>) -> JsonText {
        self.json_within(node, own, &mut Expansion::default())
    }

    fn json_within(&self, node: &Node, own: Option<ProcessId>, expansion: &mut Expansion) -> JsonText {
        if !expansion.open.is_empty() {
            expansion.text += size_of::<Node>();
        }
        match &node.value {
            Value::Sequence(items) => {
                JsonText::Array(items.iter().map(|item| self.json_within(item, own, expansion)).collect())
            }
            Value::Mapping(entries) => {
                let member = |e: &Entry| (e.key.clone(), self.json_within(&e.node, own, expansion));
                JsonText::Object(entries.iter().map(member).collect())
            }
            Value::Scalar { text, .. } => match node.scalar() {
                Some(Scalar::Text(text)) => self.json_text(text, node.span, own, expansion),
                scalar => JsonText::Plain(self.plain_json(scalar, text, node.span)),
            },
        }
    }

    fn json_text(&self, text: &str, span: Span, own: Option<ProcessId>, expansion: &mut Expansion) -> JsonText {
        // A variable that stands alone keeps its type, as a captured value does.
        let alone = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let variable = alone.and_then(|name| self.vars.iter().find(|(var, _)| *var == name));
        if let Some((name, node)) = variable.filter(|(_, node)| !matches!(node.scalar(), Some(Scalar::Text(_)))) {
            return match expansion.enter(name, node, span) {
                Ok(()) => {
                    let value = self.json_within(node, own, expansion);
                    expansion.open.pop();
                    value
                }
                Err(problem) => {
                    self.problems.add(problem);
                    JsonText::Plain(serde_json::Value::Null)
                }
            };
        }
        let mut pieces = Vec::new();
        self.pieces(text, span, own, expansion, &mut pieces);
        JsonText::Text(Text(join(pieces)))
    }

    fn plain_json(&self, scalar: Option<Scalar<'_>>, text: &str, span: Span) -> serde_json::Value {
        use serde_json::{Number, Value};
        let number = match scalar {
            Some(Scalar::Bool(value)) => return Value::Bool(value),
            Some(Scalar::Int(value)) => {
                i64::try_from(value).map(Number::from).ok().or_else(|| u64::try_from(value).map(Number::from).ok())
            }
            Some(Scalar::Float(value)) => Number::from_f64(value),
            _ => return Value::Null,
        };
        number.map_or_else(
            || {
                self.problems.error(span, format!("JSON has no number such as `{text}`"));
                Value::Null
            },
            Value::Number,
        )
    }

    fn pieces(&self, text: &str, span: Span, own: Option<ProcessId>, expansion: &mut Expansion, to: &mut Vec<Piece>) {
        let mut rest = text;
        while let Some(at) = rest.find("${").filter(|_| !expansion.exhausted) {
            if at > 0 && rest.as_bytes()[at - 1] == b'$' {
                to.push(Piece::Literal(format!("{}${{", &rest[..at - 1])));
                rest = &rest[at + 2..];
                continue;
            }
            to.push(Piece::Literal(rest[..at].to_owned()));
            let before = text.len() - rest.len() + at;
            let Some(end) = rest[at..].find('}') else {
                let problem = Diagnostic::error(self.narrow(span, text, before..text.len()), "`${` is never closed");
                self.problems.add(problem.help("write `${NAME}`, or `$${` for a literal `${`"));
                return;
            };
            match self.look_up(&rest[at + 2..at + end], span, own, expansion) {
                Ok(found) => to.extend(found),
                Err(mut problem) => {
                    if problem.span == span {
                        problem.span = self.narrow(span, text, before..before + end + 1);
                    }
                    self.problems.add(problem);
                }
            }
            rest = &rest[at + end + 1..];
        }
        to.push(Piece::Literal(rest.to_owned()));
    }

    fn look_up(&self, name: &str, span: Span, own: Option<ProcessId>, expansion: &mut Expansion) -> Found {
        let path = |path: &Path| Ok(vec![Piece::Literal(path.display().to_string())]);
        if let Some((_, node)) = self.vars.iter().find(|(var, _)| *var == name) {
            return self.variable(name, node, span, own, expansion);
        }
        if self.captures.iter().any(|capture| capture == name) {
            return Ok(vec![Piece::Capture(name.to_owned())]);
        }
        match (name, name.split_once('.')) {
            ("dir", _) => Ok(vec![Piece::Dir]),
            ("manifest", _) => path(self.manifest_dir(span)),
            ("runfiles", _) => match self.runfiles {
                Some(runfiles) => path(runfiles),
                None => Err(Diagnostic::error(span, "there are no runfiles here")
                    .help("run the case under Bazel, or set RUNFILES_DIR")),
            },
            ("port", _) => Ok(vec![Piece::Port(self.sole_port(own, span, "port")?)]),
            ("socket", _) => Ok(vec![Piece::Socket(self.sole_port(own, span, "socket")?)]),
            (_, Some(("port", port))) => self.named_port(port, span).map(|port| vec![Piece::Port(port)]),
            (_, Some(("socket", port))) => self.named_port(port, span).map(|port| vec![Piece::Socket(port)]),
            (_, Some(("env", variable))) => {
                if BASE_ENV.contains(&variable) || self.env.iter().any(|known| known == variable) {
                    return Ok(vec![Piece::Env(variable.to_owned())]);
                }
                Err(Diagnostic::error(span, format!("the environment variable `{variable}` is not declared"))
                    .help(format!("set it in `env`, or take it over: `inherit_env: [{variable}]`")))
            }
            _ => Err(self.unknown(name, span)),
        }
        .and_then(|pieces| self.check_kind(name, span, pieces))
    }

    /// Takes note that something speaks of `process`.
    pub(super) fn names(&self, process: ProcessId) {
        if self.app == Some(process) {
            self.app_used.set(true);
        }
    }

    /// `${port…}` of a unix socket and `${socket…}` of a TCP port are mistakes.
    fn check_kind(&self, name: &str, span: Span, pieces: Vec<Piece>) -> Found {
        let wrong = pieces.iter().find_map(|piece| match piece {
            Piece::Port(id) if self.ports[*id].kind == PortKind::Unix => {
                Some("it is a unix socket; write `${socket…}`")
            }
            Piece::Socket(id) if self.ports[*id].kind != PortKind::Unix => Some("it is a TCP port; write `${port…}`"),
            _ => None,
        });
        match wrong {
            Some(help) => Err(Diagnostic::error(span, format!("`${{{name}}}` is of the other kind")).help(help)),
            None => {
                for piece in &pieces {
                    if let Piece::Port(id) | Piece::Socket(id) = piece {
                        self.names(self.ports[*id].process);
                    }
                }
                Ok(pieces)
            }
        }
    }

    fn variable(
        &self,
        name: &str,
        node: &Node,
        span: Span,
        own: Option<ProcessId>,
        expansion: &mut Expansion,
    ) -> Found {
        let Value::Scalar { text, .. } = &node.value else {
            return Err(Diagnostic::error(
                span,
                format!("`{name}` is {}, which can't stand within text", node.describe()),
            )
            .related(node.span, "it is set here"));
        };
        expansion.enter(name, node, span)?;
        expansion.text += text.len();
        let mut pieces = Vec::new();
        self.pieces(text, node.span, own, expansion, &mut pieces);
        expansion.open.pop();
        Ok(pieces)
    }

    fn sole_port(&self, own: Option<ProcessId>, span: Span, word: &str) -> Result<usize, Diagnostic> {
        let Some(own) = own else {
            return Err(Diagnostic::error(span, format!("whose port is `${{{word}}}`?"))
                .help(format!("name it: `${{{word}.PROCESS.PORT}}`")));
        };
        let unix = word == "socket";
        let mut ports = (0..self.ports.len())
            .filter(|id| self.ports[*id].process == own && (self.ports[*id].kind == PortKind::Unix) == unix);
        match (ports.next(), ports.next()) {
            (Some(port), None) => Ok(port),
            (None, _) => Err(Diagnostic::error(span, format!("`{}` has no {word}", self.processes[own]))
                .help("give it one: `listen: [http]`")),
            _ => Err(Diagnostic::error(span, format!("`{}` has several ports", self.processes[own]))
                .help(format!("name the one that is meant: `${{{word}.PORT}}`"))),
        }
    }

    /// `PROCESS.PORT`, or `PORT` when one process of the case has it.
    fn named_port(&self, name: &str, span: Span) -> Result<usize, Diagnostic> {
        let full = |id: usize| format!("{}.{}", self.processes[self.ports[id].process], self.ports[id].name);
        let all = 0..self.ports.len();
        if let Some(port) = all.clone().find(|id| full(*id) == name) {
            return Ok(port);
        }
        let mut same = all.clone().filter(|id| self.ports[*id].name == name);
        match (same.next(), same.next()) {
            (Some(port), None) => Ok(port),
            (Some(first), Some(second)) => Err(Diagnostic::error(
                span,
                format!("several processes have a port `{name}`"),
            )
            .help(format!("write `{}` or `{}`", full(first), full(second)))),
            _ => {
                let known: Vec<_> = all.map(full).collect();
                let problem = Diagnostic::error(span, format!("no process has a port `{name}`"));
                Err(match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None if known.is_empty() => problem.help("give a process one: `listen: [http]`"),
                    None => problem.help(format!("there are: {}", known.join(", "))),
                })
            }
        }
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let fixed = ["dir", "manifest", "runfiles", "port", "socket"];
        let known = self.vars.iter().map(|(var, _)| *var).chain(self.captures.iter().map(String::as_str)).chain(fixed);
        let problem = Diagnostic::error(span, format!("`${{{name}}}` is not known"));
        if BASE_ENV.contains(&name) || self.env.iter().any(|variable| variable == name) {
            return problem.help(format!("did you mean the environment variable, `${{env.{name}}}`?"));
        }
        match nearest(name, known) {
            Some(near) => problem.help(format!("did you mean `${{{near}}}`?")),
            None if is_variable_name(name) => problem
                .help(format!("set it: `vars: {{{name}: …}}`; or write `$${{{name}}}` when the text itself is meant")),
            None => problem.help(format!("write `$${{{name}}}` when the text itself is meant")),
        }
    }

    /// The place of `part` of `text`, the scalar at `span`, where it stands there literally.
    fn narrow(&self, span: Span, text: &str, part: Range<usize>) -> Span {
        let (before, part) = (&text[..part.start], &text[part]);
        let source = self.sources.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("");
        let found = source.match_indices(part).nth(before.matches(part).count());
        found.map_or(span, |(at, _)| {
            let start = span.start + clamp(at);
            Span { start, end: start + clamp(part.len()), ..span }
        })
    }
}

/// Whether this can be the name of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Joins neighbouring literals, so that text without places has one piece.
pub(super) fn join(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (_, Piece::Literal(text)) if text.is_empty() => {}
            (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&text),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}
