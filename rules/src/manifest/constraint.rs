//! Constraints of a target and matchers: nodes to what must hold.

use super::node::{Entry, Node, Scalar};
use super::reader::{Fields, Problems, RawText, unknown_key};
use super::scope::Scope;
use super::vocabulary::{COOKIE, MATCHER, SAME_SITE, STDIN, TYPES, names};
use crate::case::{Comparison, CookieExpectation, Expected, JsonText, Matcher, Named, StatusPattern, Test, Text};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Reads the value of the constraint `key`.
pub(super) fn read_constraint(key: &str, node: &Node, own: Option<usize>, scope: &Scope<'_>) -> Option<Expected> {
    let problems = scope.problems;
    let what = format!("`{key}`");
    let text = |raw: &RawText| scope.text(raw, own);
    Some(match key {
        "assert_status" => Expected::Status(read_statuses(node, problems)?),
        "assert_redirect" => Expected::Redirect(read_redirect(node, own, scope)?),
        "assert_header" => Expected::Header(each(node, &what, problems, |entry| read_header(entry, own, scope))?),
        "assert_contains" => Expected::Contains(problems.one_or_more(node, &what)?.iter().map(text).collect()),
        "assert_not_contains" => Expected::NotContains(problems.one_or_more(node, &what)?.iter().map(text).collect()),
        "assert_matches" => {
            Expected::Matches(problems.one_or_more(node, &what)?.iter().map(|raw| scope.regex(raw, own)).collect())
        }
        "assert_body" if node.entries().is_some() => {
            let fields = Fields::open(node, &what, &[STDIN], problems)?;
            let Some(file) = fields.get("file") else {
                problems.error(node.span, "`assert_body` has no `file`");
                return None;
            };
            Expected::BodyFile(scope.file(&problems.text(file, "`file`")?, "`assert_body`")?)
        }
        "assert_body" => Expected::Body(text(&problems.string(node, &what)?)),
        "assert_json" => Expected::Json(scope.json(node, own)),
        "assert_json_contains" => Expected::JsonContains(scope.json(node, own)),
        "assert_jsonpath" => Expected::JsonPath(each(node, &what, problems, |entry| {
            check_jsonpath(&entry.key, entry.key_span, problems);
            read_matcher(&entry.node, Of::Json, own, scope)
        })?),
        "assert_cookie" => Expected::Cookie(each(node, &what, problems, |entry| read_cookie(entry, own, scope))?),
        "assert_sha256" => Expected::Sha256(read_digest(node, own, scope)?),
        _ => Expected::Within(problems.duration(node, &what)?),
    })
}

/// A mapping of names to something expected; it must not be empty, for then nothing would be judged.
fn each<T>(
    node: &Node,
    what: &str,
    problems: &Problems,
    mut read: impl FnMut(&Entry) -> Option<T>,
) -> Option<Vec<Named<T>>> {
    let entries = problems.entries(node, what)?;
    if entries.is_empty() {
        problems.error(node.span, format!("{what} must not be empty"));
        return None;
    }
    let named = |entry: &Entry| Some(Named { name: entry.key.clone(), span: entry.node.span, expected: read(entry)? });
    Some(entries.iter().filter_map(named).collect())
}

fn read_statuses(node: &Node, problems: &Problems) -> Option<Vec<StatusPattern>> {
    let one = |node: &Node| match node.scalar() {
        Some(Scalar::Int(status)) => match u16::try_from(status).ok().filter(|status| (100..=599).contains(status)) {
            Some(status) => Some(StatusPattern::Exactly(status)),
            None => {
                problems.error(node.span, "a status is from 100 to 599");
                None
            }
        },
        Some(Scalar::Text(text)) => {
            let class = text.strip_suffix("xx").and_then(|digit| digit.parse().ok());
            if let Some(class) = class.filter(|class| (1..=5).contains(class)) {
                return Some(StatusPattern::Class(class));
            }
            let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let problem = Diagnostic::error(
                node.span,
                match number {
                    true => format!("`{text}` is text, a status is a number"),
                    false => format!("`{text}` is not a status"),
                },
            );
            problems.add(problem.help(match number {
                true => "leave the quotes out",
                false => "write `200`, `2xx`, or a list of them",
            }));
            None
        }
        _ => problems.mismatch(node, "`assert_status`", "a status (200, 2xx, or a list of them)"),
    };
    match node.items() {
        None => one(node).map(|status| vec![status]),
        Some([]) => {
            problems.error(node.span, "`assert_status` must not be an empty list");
            None
        }
        Some(items) => Some(items.iter().filter_map(one).collect()),
    }
}

fn read_redirect(node: &Node, own: Option<usize>, scope: &Scope<'_>) -> Option<Text> {
    let raw = scope.problems.string(node, "`assert_redirect`")?;
    let good = ["/", "${", "http://", "https://"].iter().any(|start| raw.0.starts_with(start));
    if !good {
        scope.problems.add(
            Diagnostic::error(raw.1, format!("`{}` is neither a path nor a URL", raw.0))
                .help("write where the redirect leads: `/path`, or `http://…`"),
        );
    }
    Some(scope.text(&raw, own))
}

fn read_header(entry: &Entry, own: Option<usize>, scope: &Scope<'_>) -> Option<Matcher> {
    if entry.key.is_empty() || entry.key.contains([':', ' ', '\r', '\n']) {
        scope.problems.error(entry.key_span, format!("`{}` can't be the name of a header", entry.key));
    }
    read_matcher(&entry.node, Of::Text, own, scope)
}

/// A path must be one of RFC 9535.
pub(super) fn check_jsonpath(path: &str, span: Span, problems: &Problems) {
    if let Err(error) = serde_json_path::JsonPath::parse(path) {
        let at = path.chars().take(error.position()).count() + 1;
        problems.add(
            Diagnostic::error(span, format!("`{path}` is not a JSONPath: {} (character {at})", error.message()))
                .help("a path begins with `$`: `$.items[0].name` (RFC 9535)"),
        );
    }
}

/// What a matcher is applied to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Headers and cookies are text, and so is what is expected of them.
    Text,
    /// JSON has types.
    Json,
}

/// A scalar or a list is equality; a mapping is always a matcher.
fn read_matcher(node: &Node, of: Of, own: Option<usize>, scope: &Scope<'_>) -> Option<Matcher> {
    let problems = scope.problems;
    let value = |node: &Node| match of {
        Of::Json => Some(scope.json(node, own)),
        Of::Text => Some(JsonText::Text(scope.text(&problems.text(node, "the expected value")?, own))),
    };
    let Some(entries) = node.entries() else {
        return Some(Matcher(vec![Test::Equals(value(node)?)]));
    };
    if entries.is_empty() {
        problems.add(
            Diagnostic::error(node.span, "an empty matcher matches everything")
                .help("write `{exists: true}`, or `{equals: {}}` for an empty object"),
        );
        return None;
    }
    let mut tests = Vec::new();
    for entry in entries {
        if !names(MATCHER).any(|name| name == entry.key) {
            let problem = unknown_key(entry, "a matcher", names(MATCHER));
            problems.add(match (of, &problem.help) {
                (Of::Json, Some(_)) => problem.help("a mapping here is a matcher; for an object write `{equals: {…}}`"),
                _ => problem,
            });
            continue;
        }
        tests.extend(read_test(entry, of, value, own, scope));
    }
    Some(Matcher(tests))
}

fn read_test(
    entry: &Entry,
    of: Of,
    value: impl Fn(&Node) -> Option<JsonText>,
    own: Option<usize>,
    scope: &Scope<'_>,
) -> Option<Test> {
    let (node, problems) = (&entry.node, scope.problems);
    let what = format!("`{}`", entry.key);
    let compare = |comparison| Some(Test::Compare(comparison, read_number(node, &what, own, scope)?));
    match entry.key.as_str() {
        "equals" => value(node).map(Test::Equals),
        "matches" => problems.string(node, &what).map(|raw| Test::Matches(scope.regex(&raw, own))),
        "contains" => value(node).map(Test::Contains),
        "exists" => problems.boolean(node, &what).map(Test::Exists),
        "type" if of == Of::Text => {
            problems.error(entry.key_span, "`type` says nothing here: this is always text");
            None
        }
        "type" => problems.word(node, &what, TYPES).map(|index| Test::Type(TYPES[index].to_owned())),
        "length" => problems.integer(node, &what, 0).map(Test::Length),
        "count" => problems.integer(node, &what, 0).map(Test::Count),
        "gt" => compare(Comparison::Gt),
        "ge" => compare(Comparison::Ge),
        "lt" => compare(Comparison::Lt),
        _ => compare(Comparison::Le),
    }
}

/// A number, or a place that a captured one will fill.
fn read_number(node: &Node, what: &str, own: Option<usize>, scope: &Scope<'_>) -> Option<JsonText> {
    match scope.json(node, own) {
        JsonText::Plain(serde_json::Value::Number(number)) => Some(JsonText::Plain(number.into())),
        JsonText::Text(text) if text.as_literal().is_none() => Some(JsonText::Text(text)),
        _ => scope.problems.mismatch(node, what, "a number"),
    }
}

fn read_cookie(entry: &Entry, own: Option<usize>, scope: &Scope<'_>) -> Option<CookieExpectation> {
    let (node, problems) = (&entry.node, scope.problems);
    if node.entries().is_none() {
        let value = Some(read_matcher(node, Of::Text, own, scope)?);
        return Some(CookieExpectation { value, ..CookieExpectation::default() });
    }
    let fields = Fields::open(node, "a cookie", &[COOKIE], problems)?;
    let flag = |key: &str| fields.get(key).and_then(|n| problems.boolean(n, &format!("`{key}`")));
    Some(CookieExpectation {
        value: fields.get("value").and_then(|n| read_matcher(n, Of::Text, own, scope)),
        path: fields.get("path").and_then(|n| problems.text(n, "`path`")).map(|raw| scope.text(&raw, own)),
        http_only: flag("http_only"),
        secure: flag("secure"),
        same_site: fields
            .get("same_site")
            .and_then(|n| problems.word(n, "`same_site`", SAME_SITE))
            .map(|index| SAME_SITE[index].to_owned()),
        max_age: fields.get("max_age").and_then(|n| read_max_age(n, own, scope)),
    })
}

fn read_max_age(node: &Node, own: Option<usize>, scope: &Scope<'_>) -> Option<Matcher> {
    if node.entries().is_some() || matches!(node.scalar(), Some(Scalar::Int(_))) {
        return read_matcher(node, Of::Json, own, scope);
    }
    scope.problems.mismatch(node, "`max_age`", "a number of seconds")
}

fn read_digest(node: &Node, own: Option<usize>, scope: &Scope<'_>) -> Option<Text> {
    let raw = scope.problems.text(node, "`assert_sha256`")?;
    let text = scope.text(&raw, own);
    let hex = |digest: &str| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    if text.as_literal().is_some_and(|digest| !hex(digest)) {
        scope.problems.add(
            Diagnostic::error(raw.1, "a SHA-256 digest has 64 hexadecimal digits").help("`sha256sum FILE` prints it"),
        );
    }
    Some(text)
}
