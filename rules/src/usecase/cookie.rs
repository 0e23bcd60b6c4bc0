//! What is asked of the cookies that a response sets.

use serde_json::Value;

use super::Answer;
use super::matcher::{Typing, mismatches};
use crate::case::{CookieExpectation, Named, Values};
use crate::shown;

/// What is wrong with one cookie, a line each.
pub(super) fn cookie(wanted: &Named<CookieExpectation>, answer: &Answer<'_>, values: &dyn Values) -> Vec<String> {
    let expected = &wanted.expected;
    let cookie = answer.cookie(&wanted.name);
    let value = cookie.as_ref().map(|cookie| Value::from(cookie.value()));
    let mut lines = Vec::new();
    if let Some(matcher) = &expected.value {
        lines = mismatches(matcher, &value.iter().collect::<Vec<_>>(), Typing::Text, values);
    }
    let attributes = [&expected.same_site, &expected.path.as_ref().map(|path| path.fill(values))];
    let asks = attributes.iter().any(|asked| asked.is_some())
        || expected.http_only.is_some()
        || expected.secure.is_some()
        || expected.max_age.is_some();
    let Some(cookie) = cookie else {
        if lines.is_empty() && (asks || expected.value.is_none()) {
            lines.push("the response does not set it".into());
        }
        return lines;
    };
    let got = [cookie.same_site().map(|s| s.to_string()), cookie.path().map(str::to_owned)];
    for ((expected, got), name) in attributes.iter().zip(&got).zip(["SameSite", "Path"]) {
        if let Some(expected) = expected
            && got.as_ref() != Some(expected)
        {
            let got = got.as_deref().map_or_else(|| "none".into(), shown::quoted);
            lines.push(format!("expected {name} {}, got {got}", shown::quoted(expected)));
        }
    }
    let flags = [(expected.http_only, cookie.http_only(), "HttpOnly"), (expected.secure, cookie.secure(), "Secure")];
    for (expected, got, name) in flags {
        if let Some(expected) = expected
            && got.unwrap_or(false) != expected
        {
            lines.push(if expected { format!("it is not {name}") } else { format!("it is {name}") });
        }
    }
    if let Some(matcher) = &expected.max_age {
        let age = cookie.max_age().map(|age| Value::from(age.whole_seconds()));
        let found = mismatches(matcher, &age.iter().collect::<Vec<_>>(), Typing::Json, values);
        lines.extend(found.into_iter().map(|line| format!("Max-Age: {line}")));
    }
    lines
}
