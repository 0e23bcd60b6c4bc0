//! Targets: who is asked, and what.
//!
//! A target is checked for unknown keys as it is read, and for everything else when it is resolved: there is hardly a
//! part of it that has a meaning before names are looked up.

use super::constraint::read_constraint;
use super::node::{Entry, Node, Value};
use super::reader::{Fields, Problems, RawText};
use super::scope::Scope;
use super::vocabulary::{CONSTRAINTS, RETRY, STEP, TARGET, UPLOAD, names};
use crate::case::{
    Ask, Body, CheckId, Constraint, Expected, PortId, Query, Retry, Server, Source, Target, Text, Upload,
};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

/// The pause between two requests of a `retry`.
const EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// A target as it was written: its keys are known ones, the rest is to be seen.
#[derive(Debug)]
pub(super) struct RawTarget {
    pub(super) node: Node,
    /// Where `to` points; `None` is the app.
    pub(super) to: Option<RawText>,
    /// `METHOD PATH`.
    pub(super) label: String,
}

/// Reads a step that has a `path`.
pub(super) fn read_target(node: &Node, problems: &Problems) -> Option<RawTarget> {
    let fields = Fields::open(node, "a target", &[TARGET, STEP, CONSTRAINTS], problems)?;
    let (path, _) = problems.text(fields.get("path")?, "`path`")?;
    let method = fields.get("method").and_then(|n| problems.string(n, "`method`"));
    if let Some((method, span)) = &method {
        check_method(method, *span, problems);
    }
    let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    Some(RawTarget {
        node: node.clone(),
        to: fields.get("to").and_then(|n| problems.string(n, "`to`")),
        label: line(&format!("{} {path}", method.as_ref().map_or("GET", |(method, _)| method))),
    })
}

/// A method is a token (RFC 9110, section 9.1), and case matters.
fn check_method(method: &str, span: Span, problems: &Problems) {
    if method.is_empty() || !method.chars().all(is_token) {
        problems.error(span, format!("`{method}` can't be a method"));
    } else if ["get", "post", "put", "patch", "delete", "head", "options"].contains(&method.to_lowercase().as_str())
        && method != method.to_uppercase()
    {
        problems.add(
            Diagnostic::error(
                span,
                format!("`{method}` is not `{}`: the case of a method matters", method.to_uppercase()),
            )
            .help("write it in capitals"),
        );
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Where a target's response is kept, and what its test cases are called.
pub(super) struct Naming<'n> {
    pub(super) label: &'n str,
    pub(super) log: String,
}

/// Resolves a target. `add` makes a test case of a name and a place.
pub(super) fn resolve_target(
    raw: &RawTarget,
    naming: Naming<'_>,
    server: Server,
    scope: &mut Scope<'_>,
    add: &mut dyn FnMut(String, Span) -> CheckId,
) -> Option<Target> {
    let own = match &server {
        Server::Port(port) => Some(scope.ports[*port].process),
        Server::Outside(..) => None,
    };
    let problems = scope.problems;
    let fields = Fields::known(&raw.node)?;
    let skip = fields.get("skip").and_then(|n| problems.string(n, "`skip`")).map(|(reason, _)| reason);
    let ask = resolve_ask(fields, own, scope)?;
    let retry = fields.get("retry").and_then(|n| read_retry(n, problems));
    let mut constraints = Vec::new();
    let mut captures = Vec::new();
    for entry in raw.node.entries().unwrap_or_default() {
        if entry.key == "capture" {
            captures.extend(read_captures(entry, own, scope).into_iter().map(|(name, span, source)| {
                let key = format!("capture {name}");
                let check = add(format!("{}: {key}", naming.label), span);
                constraints.push(Constraint { check, key, span, expected: Expected::Capture(name.clone(), source) });
                name
            }));
        } else if names(CONSTRAINTS).any(|name| name == entry.key) {
            let check = add(format!("{}: {}", naming.label, entry.key), entry.node.span);
            if let Some(expected) = read_constraint(&entry.key, &entry.node, own, scope) {
                constraints.push(Constraint { check, key: entry.key.clone(), span: entry.node.span, expected });
            }
        }
    }
    // What is taken here is known from the next step on, not in this request.
    scope.captures.extend(captures);
    if constraints.is_empty() && !problems.has_errors() {
        problems.add(
            Diagnostic::error(ask.path_span, "the target has no constraint, so nothing of its answer would be judged")
                .help("say what must hold: `assert_status: 200`"),
        );
    }
    if ask.follow_redirects
        && let Some(entry) = fields.entry("assert_redirect")
    {
        problems.add(
            Diagnostic::error(entry.key_span, "`assert_redirect` sees no redirect beside `follow_redirects`")
                .help("leave one of them out"),
        );
    }
    Some(Target { name: naming.label.to_owned(), log: naming.log, server, ask, retry, skip, constraints })
}

fn resolve_ask(fields: Fields<'_>, own: Option<usize>, scope: &Scope<'_>) -> Option<Ask> {
    let problems = scope.problems;
    let path = problems.text(fields.get("path")?, "`path`")?;
    check_path(&path, problems);
    let text = |key: &str| fields.get(key).and_then(|n| problems.text(n, &format!("`{key}`")));
    let content_type = text("content_type").map(|raw| scope.text(&raw, own));
    let headers = fields.get("headers").map(|n| read_headers(n, own, scope)).unwrap_or_default();
    if let (Some(_), Some((_, span))) = (
        &content_type,
        headers.iter().find_map(|(name, _, span)| name.eq_ignore_ascii_case("Content-Type").then_some(((), *span))),
    ) {
        problems.error(span, "the Content-Type is set twice: here and by `content_type`");
    }
    Some(Ask {
        method: text("method").map_or_else(|| "GET".to_owned(), |(method, _)| method),
        path_span: path.1,
        path: scope.text(&path, own),
        query: match fields.get("query_string") {
            None => Query::None,
            Some(node) if node.entries().is_some() => Query::Fields(read_fields(node, "`query_string`", own, scope)),
            Some(node) => {
                problems.text(node, "`query_string`").map_or(Query::None, |t| Query::Text(scope.text(&t, own)))
            }
        },
        headers: headers.into_iter().map(|(name, value, _)| (name, value)).collect(),
        body: read_body(fields, content_type.as_ref(), own, scope),
        content_type,
        follow_redirects: fields
            .get("follow_redirects")
            .and_then(|n| problems.boolean(n, "`follow_redirects`"))
            .unwrap_or(false),
    })
}

fn check_path((path, span): &RawText, problems: &Problems) {
    let begins = path.starts_with('/') || path.starts_with("${") || path == "*";
    if path.starts_with("http://") || path.starts_with("https://") {
        problems.add(
            Diagnostic::error(*span, format!("`{path}` is a URL, not a path"))
                .help("write the path alone; who is asked is the `app`, or a process: `to: NAME`"),
        );
    } else if !begins {
        problems.add(
            Diagnostic::error(*span, format!("the path `{path}` does not begin with `/`"))
                .help(format!("write `/{path}`")),
        );
    } else if path.contains('#') {
        problems.add(
            Diagnostic::error(*span, "a fragment (`#…`) is never sent to a server")
                .help("leave it out, or write `%23` when the character itself is meant"),
        );
    }
}

fn read_headers(node: &Node, own: Option<usize>, scope: &Scope<'_>) -> Vec<(String, Text, Span)> {
    let read = |(name, text, span): (String, RawText, Span)| {
        if name.is_empty() || !name.chars().all(is_token) {
            scope.problems.error(span, format!("`{name}` can't be the name of a header"));
        }
        check_line(&text, "the value of a header", scope.problems);
        (name, scope.text(&text, own), span)
    };
    many(node, "`headers`", scope.problems).into_iter().map(read).collect()
}

/// A line break would end the header and begin another.
fn check_line((text, span): &RawText, what: &str, problems: &Problems) {
    if text.contains(['\r', '\n', '\0']) {
        problems.error(*span, format!("{what} can't have a line break in it"));
    }
}

fn read_fields(node: &Node, what: &str, own: Option<usize>, scope: &Scope<'_>) -> Vec<(String, Text)> {
    many(node, what, scope.problems).into_iter().map(|(name, text, _)| (name, scope.text(&text, own))).collect()
}

/// A mapping of names to a text or several; a name with several comes up as often.
fn many(node: &Node, what: &str, problems: &Problems) -> Vec<(String, RawText, Span)> {
    let read = |entry: &Entry| {
        let what = format!("`{}` of {what}", entry.key);
        let items = match &entry.node.value {
            Value::Sequence(items) => items.iter().collect(),
            _ => vec![&entry.node],
        };
        let texts: Vec<_> = items.into_iter().filter_map(|item| problems.text(item, &what)).collect();
        texts.into_iter().map(|text| (entry.key.clone(), text, entry.key_span)).collect::<Vec<_>>()
    };
    problems.entries(node, what).unwrap_or_default().iter().flat_map(read).collect()
}

fn read_body(fields: Fields<'_>, content_type: Option<&Text>, own: Option<usize>, scope: &Scope<'_>) -> Body {
    let problems = scope.problems;
    let given: Vec<_> = ["data", "json", "body_file", "files"].iter().filter_map(|key| fields.entry(key)).collect();
    let form = |node: &Node| read_fields(node, "`data`", own, scope);
    match given.as_slice() {
        [] => Body::None,
        [one] => match one.key.as_str() {
            "json" => Body::Json(scope.json(&one.node, own)),
            "body_file" => problems
                .text(&one.node, "`body_file`")
                .and_then(|raw| scope.file(&raw, "`body_file`"))
                .map_or(Body::None, Body::File),
            "files" => Body::Multipart(Vec::new(), read_files(&one.node, own, scope)),
            _ if one.node.entries().is_none() => {
                problems.text(&one.node, "`data`").map_or(Body::None, |text| Body::Text(scope.text(&text, own)))
            }
            _ => match content_type.and_then(Text::as_literal) {
                Some("multipart/form-data") => Body::Multipart(form(&one.node), Vec::new()),
                None | Some("application/x-www-form-urlencoded") => Body::Form(form(&one.node)),
                Some(other) => {
                    problems.add(
                        Diagnostic::error(one.node.span, format!("form fields can't be sent as `{other}`"))
                            .help("write the body as text, or use `json`"),
                    );
                    Body::None
                }
            },
        },
        [data, files] if data.key == "data" && files.key == "files" && data.node.entries().is_some() => {
            Body::Multipart(form(&data.node), read_files(&files.node, own, scope))
        }
        [first, second, ..] => {
            problems.add(
                Diagnostic::error(
                    second.key_span,
                    format!("a request has one body, and `{}` gives another", second.key),
                )
                .related(first.key_span, "the first is here")
                .help("leave one of them out; only `data` as a mapping goes together with `files`"),
            );
            Body::None
        }
    }
}

fn read_files(node: &Node, own: Option<usize>, scope: &Scope<'_>) -> Vec<Upload> {
    let problems = scope.problems;
    let read = |entry: &Entry| {
        let fields = entry.node.entries().and_then(|_| Fields::open(&entry.node, "a file", &[UPLOAD], problems));
        let path = match fields {
            Some(fields) => fields.get("path").or_else(|| {
                problems.error(entry.node.span, "the file has no `path`");
                None
            })?,
            None => &entry.node,
        };
        let path = problems.text(path, "`path`")?;
        let file = scope.file(&path, "`files`")?;
        let text = |key: &str, default: String| {
            let raw = fields.and_then(|fields| problems.text(fields.get(key)?, &format!("`{key}`")));
            raw.map_or_else(
                || Text::literal(default),
                |raw| {
                    check_line(&raw, &format!("`{key}`"), problems);
                    scope.text(&raw, own)
                },
            )
        };
        let base = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Some(Upload {
            field: entry.key.clone(),
            filename: text("filename", base),
            content_type: text("content_type", "application/octet-stream".into()),
            path: file,
        })
    };
    problems.entries(node, "`files`").unwrap_or_default().iter().filter_map(read).collect()
}

fn read_retry(node: &Node, problems: &Problems) -> Option<Retry> {
    let fields = Fields::open(node, "`retry`", &[RETRY], problems)?;
    let Some(patience) = fields.get("for") else {
        problems.add(Diagnostic::error(node.span, "`retry` has no `for`").help("write `retry: {for: 5s}`"));
        return None;
    };
    Some(Retry {
        patience: problems.duration(patience, "`for`")?,
        every: fields.get("every").and_then(|n| problems.duration(n, "`every`")).unwrap_or(EVERY),
    })
}

fn read_captures(entry: &Entry, own: Option<usize>, scope: &Scope<'_>) -> Vec<(String, Span, Source)> {
    let problems = scope.problems;
    let read = |entry: &Entry| {
        let name = &entry.key;
        super::raw::check_variable(name, entry.key_span, problems);
        if scope.vars.iter().any(|(var, _)| var == name) || scope.captures.contains(name) {
            problems.add(
                Diagnostic::error(entry.key_span, format!("`{name}` has a value already"))
                    .help("capture under another name"),
            );
        }
        let fields = Fields::open(&entry.node, "a capture", &[super::vocabulary::CAPTURE], problems)?;
        let [one] = entry.node.entries()? else {
            problems.add(
                Diagnostic::error(entry.node.span, "a value is captured from one place")
                    .help("write one of: {jsonpath: …}, {header: …}, {regex: …}, {cookie: …}"),
            );
            return None;
        };
        let raw = problems.string(fields.get(&one.key)?, &format!("`{}`", one.key))?;
        let source = match one.key.as_str() {
            "jsonpath" => {
                super::constraint::check_jsonpath(&raw.0, raw.1, problems);
                Source::JsonPath(raw.0)
            }
            "header" => Source::Header(raw.0),
            "regex" => Source::Regex(scope.regex(&raw, own)),
            "cookie" => Source::Cookie(raw.0),
            _ => return None,
        };
        Some((name.clone(), one.node.span, source))
    };
    let entries = problems.entries(&entry.node, "`capture`").unwrap_or_default();
    entries.iter().filter_map(read).collect()
}

/// The server that `to` names: `PROCESS` or `PROCESS.PORT`; the whole is tried as a name first.
pub(super) fn find_server((to, span): &RawText, scope: &Scope<'_>) -> Option<PortId> {
    let position = |name: &str| scope.processes.iter().position(|known| known == name);
    let (process, port) = match (position(to), to.rsplit_once('.')) {
        (Some(process), _) => (process, None),
        (None, Some((name, port))) if position(name).is_some() => (position(name)?, Some(port)),
        _ => {
            let problem = Diagnostic::error(*span, format!("there is no process `{to}` to be asked"));
            scope.problems.add(match nearest(to, scope.processes.iter().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("start it first, with a port: `- spawn: {argv: […], listen: [http]}`"),
            });
            return None;
        }
    };
    let name = &scope.processes[process];
    let ports: Vec<_> = (0..scope.ports.len()).filter(|id| scope.ports[*id].process == process).collect();
    let names = || ports.iter().map(|id| format!("`{name}.{}`", scope.ports[*id].name)).collect::<Vec<_>>().join(", ");
    let found = match (port, ports.as_slice()) {
        (None, [port]) => return Some(*port),
        (None, []) => Err(("has no port", "give it one: `listen: [http]`".to_owned())),
        (None, _) => Err(("has several ports", format!("write one of: {}", names()))),
        (Some(port), _) => ports.iter().copied().find(|id| scope.ports[*id].name == port).ok_or_else(|| {
            let help =
                if ports.is_empty() { "give it one: `listen: [http]`".into() } else { format!("it has: {}", names()) };
            ("has no such port", help)
        }),
    };
    match found {
        Ok(port) => Some(port),
        Err((what, help)) => {
            scope.problems.add(Diagnostic::error(*span, format!("`{name}` {what}")).help(help));
            None
        }
    }
}
