//! Whether a response is as expected: one constraint after the other, each with all that is wrong with it.

use std::fs;

use regex::bytes::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;
use sha2::{Digest, Sha256};

use super::Answer;
use super::capture::capture;
use super::cookie::cookie;
use super::fill::encode_path;
use super::matcher::{Typing, mismatches};
use crate::case::{Constraint, Expected, Matcher, Named, StatusPattern, Text, Values};
use crate::http::is_redirect;
use crate::json::{differences, missing_parts};
use crate::outcome::{Detail, Kind, Problem};
use crate::shown;
use crate::source::Span;

/// What became of a constraint that holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Judgement {
    Holds,
    /// A value to be known under this name from now on.
    Captured(String, Value),
}

/// Judges one constraint.
pub(crate) fn judge(
    constraint: &Constraint,
    answer: &Answer<'_>,
    values: &dyn Values,
) -> Result<Judgement, Box<Problem>> {
    let result = match &constraint.expected {
        Expected::Capture(name, source) => {
            capture(source, answer, values).map(|value| Judgement::Captured(name.clone(), value))
        }
        expected => holds(expected, answer, values).map(|()| Judgement::Holds),
    };
    result.map_err(|mismatch| mismatch.into_problem(constraint.span))
}

/// What is wrong, before it has a place.
#[derive(Debug)]
pub(super) struct Mismatch {
    problem: Box<Problem>,
    /// The place of a part of the constraint, where it is just one that is violated.
    span: Option<Span>,
}

impl Mismatch {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(Kind::Assertion, Span::default(), message)), span: None }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.problem.label = label.into();
        self
    }

    fn versus(mut self, expected: impl Into<String>, got: impl Into<String>) -> Self {
        self.problem.expected = Some(expected.into());
        self.problem.got = Some(got.into());
        self
    }

    fn diff(mut self, diff: impl Into<String>) -> Self {
        self.problem.details.push(Detail { title: "diff".into(), text: diff.into() });
        self
    }

    fn into_problem(mut self, span: Span) -> Box<Problem> {
        self.problem.span = self.span.unwrap_or(span);
        self.problem
    }
}

type Holds = Result<(), Mismatch>;

fn holds(expected: &Expected, answer: &Answer<'_>, values: &dyn Values) -> Holds {
    let body = &answer.response.body;
    match expected {
        Expected::Status(patterns) => status(patterns, answer),
        Expected::Redirect(to) => redirect(&to.fill(values), answer),
        Expected::Header(named) => each(named, "header", |header| {
            let found: Vec<_> = answer.response.header(&header.name).map(Value::from).collect();
            mismatches(&header.expected, &found.iter().collect::<Vec<_>>(), Typing::Text, values)
        }),
        Expected::Contains(parts) => {
            let missing = parts.iter().map(|part| part.fill(values));
            let missing: Vec<_> = missing.filter(|part| !shown::contains(body, part.as_bytes())).collect();
            none_of(&missing, "the body does not contain", "not in", answer)
        }
        Expected::NotContains(parts) => {
            let present = parts.iter().map(|part| part.fill(values));
            let present: Vec<_> = present.filter(|part| shown::contains(body, part.as_bytes())).collect();
            none_of(&present, "the body contains", "found in", answer)
        }
        Expected::Matches(patterns) => matches(patterns, answer, values),
        Expected::Body(text) => exactly(text.fill(values).as_bytes(), answer),
        Expected::BodyFile(path) => match fs::read(path) {
            Ok(expected) => exactly(&expected, answer),
            Err(error) => Err(Mismatch::new(format!("can't read `{}`: {error}", path.display()))),
        },
        Expected::Json(expected) => {
            json("the body is another JSON value", &differences(&expected.fill(values), answer.json()?))
        }
        Expected::JsonContains(expected) => {
            json("the body's JSON does not contain this", &missing_parts(&expected.fill(values), answer.json()?))
        }
        Expected::JsonPath(named) => {
            let json = answer.json()?;
            each(named, "path", |path| json_path(path, json, values))
        }
        Expected::Cookie(named) => each(named, "cookie", |wanted| cookie(wanted, answer, values)),
        Expected::Sha256(digest) => sha256(&digest.fill(values), answer),
        Expected::Within(limit) if answer.response.time <= *limit => Ok(()),
        Expected::Within(limit) => {
            let took = shown::time(answer.response.time);
            Err(Mismatch::new(format!("the response took {took}, longer than {limit:?}")).label(format!("took {took}")))
        }
        Expected::Capture(..) => Ok(()),
    }
}

fn status(patterns: &[StatusPattern], answer: &Answer<'_>) -> Holds {
    let status = answer.response.status;
    let fits = |pattern: &StatusPattern| match pattern {
        StatusPattern::Exactly(expected) => status == *expected,
        StatusPattern::Class(class) => status / 100 == *class,
    };
    if patterns.iter().any(fits) {
        return Ok(());
    }
    let show = |pattern: &StatusPattern| match pattern {
        StatusPattern::Exactly(status) => status.to_string(),
        StatusPattern::Class(class) => format!("{class}xx"),
    };
    let expected = patterns.iter().map(show).collect::<Vec<_>>().join(" or ");
    let got = answer.response.status_text();
    Err(Mismatch::new(format!("the status is {got}, not {expected}")).label(format!("got {got}")).versus(expected, got))
}

fn redirect(expected: &str, answer: &Answer<'_>) -> Holds {
    let got = answer.response.status_text();
    if !is_redirect(answer.response.status) {
        let message = format!("not a redirect: the status is {got}");
        return Err(Mismatch::new(message)
            .label(format!("got {got}"))
            .versus(format!("a redirect to {expected}"), got));
    }
    let Some(location) = &answer.location else {
        return Err(Mismatch::new(format!("the redirect ({got}) has no Location")).label("no Location"));
    };
    // A URL is compared as a whole, a path with the path, and with the query as well when it has one itself.
    let is_url = expected.starts_with("http://") || expected.starts_with("https://");
    let path =
        location.split_once("://").map_or(location.as_str(), |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split('#').next().unwrap_or("");
    let compared = match () {
        () if is_url => location.as_str(),
        () if expected.contains('?') => path,
        () => path.split('?').next().unwrap_or(""),
    };
    if encode_path(compared) == encode_path(expected) {
        return Ok(());
    }
    Err(Mismatch::new(format!("the redirect leads to {compared}, not {expected}"))
        .label(format!("leads to {location}"))
        .versus(expected, compared))
}

/// Judges something for each name, and says all that is wrong.
fn each<T>(named: &[Named<T>], noun: &str, judge: impl Fn(&Named<T>) -> Vec<String>) -> Holds {
    let mut lines = Vec::new();
    let mut first = None;
    for one in named {
        let found = judge(one);
        if !found.is_empty() {
            first.get_or_insert(one.span);
        }
        lines.extend(found.into_iter().map(|line| format!("{noun} `{}`: {line}", one.name)));
    }
    let Some(message) = lines.first().cloned() else { return Ok(()) };
    let label = match lines.len() {
        1 => message.rsplit_once(": ").map_or_else(String::new, |(_, rest)| rest.to_owned()),
        many => format!("{many} mismatches"),
    };
    let mismatch = Mismatch { span: first, ..Mismatch::new(&message).label(label) };
    Err(if lines.len() > 1 { mismatch.diff(lines.join("\n")) } else { mismatch })
}

fn none_of(parts: &[String], what: &str, label: &str, answer: &Answer<'_>) -> Holds {
    if parts.is_empty() {
        return Ok(());
    }
    let list = parts.iter().map(|part| shown::quoted(part)).collect::<Vec<_>>().join(", ");
    Err(Mismatch::new(format!("{what} {list}")).label(format!("{label} {}", answer.kind_of_body())))
}

fn matches(patterns: &[Text], answer: &Answer<'_>, values: &dyn Values) -> Holds {
    let mut missing = Vec::new();
    for pattern in patterns {
        let pattern = pattern.fill_regex(values);
        if !Regex::new(&pattern).is_ok_and(|regex| regex.is_match(&answer.response.body)) {
            missing.push(format!("`{pattern}`"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let verb = if missing.len() == 1 { "does" } else { "do" };
    Err(Mismatch::new(format!("{} {verb} not match in the body", missing.join(", ")))
        .label(format!("no match in {}", answer.kind_of_body())))
}

fn exactly(expected: &[u8], answer: &Answer<'_>) -> Holds {
    let got = &answer.response.body;
    if expected == got.as_slice() {
        return Ok(());
    }
    let mismatch = Mismatch::new("the body is another text").label(format!("got {}", answer.kind_of_body()));
    match (str::from_utf8(expected), str::from_utf8(got)) {
        (Ok(expected), Ok(got)) => Err(mismatch.diff(shown::diff(expected, got))),
        _ => {
            let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
            let sizes = (shown::size(expected.len()), shown::size(got.len()));
            Err(mismatch.versus(sizes.0, sizes.1).diff(format!("the first difference is at byte {same}")))
        }
    }
}

fn json(message: &str, lines: &[String]) -> Holds {
    let label = match lines {
        [] => return Ok(()),
        [line] => line.clone(),
        several => format!("differs in {} places", several.len()),
    };
    Err(Mismatch::new(message).label(label).diff(lines.join("\n")))
}

fn json_path(path: &Named<Matcher>, json: &Value, values: &dyn Values) -> Vec<String> {
    match JsonPath::parse(&path.name) {
        Ok(query) => mismatches(&path.expected, &query.query(json).all(), Typing::Json, values),
        Err(error) => vec![error.to_string()],
    }
}

fn sha256(expected: &str, answer: &Answer<'_>) -> Holds {
    let digest = Sha256::digest(&answer.response.body);
    let got: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if expected.eq_ignore_ascii_case(&got) {
        return Ok(());
    }
    Err(Mismatch::new("the body has another digest")
        .label(format!("got {}", answer.kind_of_body()))
        .versus(expected.to_ascii_lowercase(), got))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::case::{CookieExpectation, JsonText, Test};

    struct Nothing;

    impl Values for Nothing {
        fn port(&self, _: usize) -> String {
            "8080".into()
        }
        fn socket(&self, _: usize) -> String {
            String::new()
        }
        fn dir(&self) -> String {
            String::new()
        }
        fn env(&self, _: &str) -> String {
            String::new()
        }
        fn capture(&self, _: &str) -> Value {
            json!(7)
        }
    }

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> crate::http::Response {
        crate::http::Response {
            version: 1,
            status,
            reason: "Fine".into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.into(),
            ..crate::http::Response::default()
        }
    }

    /// `Ok`, or what is wrong: message and label.
    fn judged(expected: &Expected, response: &crate::http::Response) -> Result<(), String> {
        let location = crate::http::location("127.0.0.1:1", "/a", response);
        holds(expected, &Answer::new(response, location), &Nothing)
            .map_err(|mismatch| format!("{} | {}", mismatch.problem.message, mismatch.problem.label))
    }

    fn named<T>(name: &str, expected: T) -> Vec<Named<T>> {
        vec![Named { name: name.into(), span: Span::default(), expected }]
    }

    fn equals(value: Value) -> Test {
        Test::Equals(match value {
            Value::String(text) => JsonText::Text(Text::literal(text)),
            value => JsonText::Plain(value),
        })
    }

    #[test]
    fn types_are_told_apart_and_shown() {
        let body = response(200, &[], r#"{"id": "5", "n": 5.0, "list": [1, 2, 3]}"#);
        let path = |path: &str, tests| judged(&Expected::JsonPath(named(path, Matcher(tests))), &body);
        assert_eq!(path("$.n", vec![equals(json!(5)), Test::Type("integer".into())]), Ok(()));
        assert_eq!(
            path("$.id", vec![equals(json!(5))]),
            Err("path `$.id`: expected the number 5, got the string \"5\" | expected the number 5, got the string \"5\"".into())
        );
        assert_eq!(path("$.list[*]", vec![Test::Count(3)]), Ok(()));
        assert_eq!(path("$.list", vec![Test::Length(3), Test::Contains(JsonText::Plain(json!(2.0)))]), Ok(()));
        assert_eq!(path("$.gone", vec![Test::Exists(false)]), Ok(()));
        assert!(path("$.gone", vec![equals(json!(null))]).unwrap_err().contains("expected null, found nothing"));
        assert!(path("$.list[*]", vec![equals(json!(1))]).unwrap_err().contains("expected one node"));
        let more = Test::Compare(crate::case::Comparison::Gt, JsonText::Plain(json!(4.5)));
        assert_eq!(path("$.n", vec![more.clone()]), Ok(()));
        assert!(path("$.id", vec![more]).unwrap_err().contains("expected a number > 4.5, got the string"));
    }

    #[test]
    fn of_repeated_headers_one_must_match() {
        let answer = response(200, &[("Vary", "Accept"), ("VARY", "Cookie"), ("Content-Length", "12")], "");
        let header = |name: &str, tests| judged(&Expected::Header(named(name, Matcher(tests))), &answer);
        assert_eq!(header("vary", vec![equals(json!("Cookie"))]), Ok(()));
        assert!(header("vary", vec![equals(json!("Host"))]).unwrap_err().contains(r#"in one of "Accept", "Cookie""#));
        assert_eq!(header("Vary", vec![Test::Count(2)]), Ok(()));
        let bound = JsonText::Plain(json!(12));
        assert_eq!(header("content-length", vec![Test::Compare(crate::case::Comparison::Le, bound)]), Ok(()));
    }

    #[test]
    fn redirects_are_judged_by_path_or_url() {
        let to = |expected: &str, location: &str| {
            judged(&Expected::Redirect(Text::literal(expected)), &response(302, &[("Location", location)], ""))
        };
        assert_eq!(to("/b", "/b?x=1"), Ok(()));
        assert_eq!(to("/b", "b"), Ok(()));
        assert_eq!(to("/b?x=1", "http://127.0.0.1:1/b?x=1#y"), Ok(()));
        assert_eq!(to("http://127.0.0.1:1/b", "/b"), Ok(()));
        assert_eq!(to("/é", "/%C3%A9"), Ok(()));
        assert_eq!(to("/", "http://127.0.0.1:1"), Ok(()));
        assert!(to("/b?x=1", "/b").is_err());
        assert!(judged(&Expected::Redirect(Text::literal("/")), &response(304, &[("Location", "/")], "")).is_err());
        assert!(judged(&Expected::Redirect(Text::literal("/")), &response(302, &[], "")).is_err());
    }

    #[test]
    fn cookies_are_judged_by_value_and_attributes() {
        let answer = response(200, &[("Set-Cookie", "sid=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")], "");
        let judge = |name: &str, expected| judged(&Expected::Cookie(named(name, expected)), &answer);
        let fits = CookieExpectation {
            value: Some(Matcher(vec![equals(json!("abc"))])),
            path: Some(Text::literal("/")),
            http_only: Some(true),
            secure: Some(false),
            same_site: Some("Lax".into()),
            max_age: Some(Matcher(vec![equals(json!(60))])),
        };
        assert_eq!(judge("sid", fits.clone()), Ok(()));
        let differs = CookieExpectation { secure: Some(true), http_only: Some(false), path: None, ..fits.clone() };
        assert_eq!(judge("sid", differs).unwrap_err(), "cookie `sid`: it is HttpOnly | 2 mismatches");
        assert!(judge("other", fits).is_err());
        let absent = CookieExpectation { value: Some(Matcher(vec![Test::Exists(false)])), ..Default::default() };
        assert_eq!(judge("other", absent), Ok(()));
    }

    #[test]
    fn bodies_need_not_be_text() {
        let mut answer = response(200, &[], "");
        answer.body = vec![0xff, b'a', 0xfe];
        assert_eq!(judged(&Expected::Contains(vec![Text::literal("a")]), &answer), Ok(()));
        assert_eq!(judged(&Expected::Matches(vec![Text::literal("^.?a|a")]), &answer), Ok(()));
        assert!(judged(&Expected::Body(Text::literal("a")), &answer).unwrap_err().starts_with("the body is another"));
        assert!(judged(&Expected::Json(JsonText::Plain(json!(1))), &answer).unwrap_err().contains("not JSON"));
    }
}
