//! Matchers: tests on one value, or on how many there are.

use regex::Regex;
use serde_json::Value;

use crate::case::{Comparison, JsonText, Matcher, Test, Text, Values};
use crate::json::{differences, equal, integer, show, show_typed, type_name};

/// Whether what is tested has types of its own, or is always text (headers, cookies).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Typing {
    Json,
    Text,
}

/// What is wrong with `found`, a line each; none when the matcher holds.
///
/// `exists` and `count` are about all of `found`; everything else wants a value: the sole one of JSON, or one among
/// headers of the same name.
pub(super) fn mismatches(matcher: &Matcher, found: &[&Value], typing: Typing, values: &dyn Values) -> Vec<String> {
    let mut lines = Vec::new();
    let mut of_value = Vec::new();
    for test in &matcher.0 {
        match test {
            Test::Exists(true) if found.is_empty() => lines.push("expected something, found nothing".into()),
            Test::Exists(false) if !found.is_empty() => {
                let all: Vec<_> = found.iter().map(|value| show(value)).collect();
                lines.push(format!("expected nothing, found {}", all.join(", ")));
            }
            Test::Count(count) if *count != found.len() as u64 => {
                lines.push(format!("expected a count of {count}, found {}", found.len()));
            }
            Test::Exists(_) | Test::Count(_) => {}
            test => of_value.push(test),
        }
    }
    if of_value.is_empty() {
        return lines;
    }
    let wanted = || of_value.iter().map(|test| wanted(test, values)).collect::<Vec<_>>().join(" and ");
    match found {
        [] => lines.push(format!("expected {}, found nothing", wanted())),
        [one] => lines.extend(of_value.iter().flat_map(|test| mismatch(test, one, typing, values))),
        several if typing == Typing::Json => lines.push(format!(
            "expected one node that is {}, found {} (a more exact path finds one; `count` counts them)",
            wanted(),
            several.len()
        )),
        several => {
            let holds = |value: &&&Value| of_value.iter().all(|test| mismatch(test, value, typing, values).is_empty());
            if !several.iter().any(|value| holds(&value)) {
                let all: Vec<_> = several.iter().map(|value| show(value)).collect();
                lines.push(format!("expected {} in one of {}", wanted(), all.join(", ")));
            }
        }
    }
    lines
}

/// What a test wants, as a noun.
fn wanted(test: &Test, values: &dyn Values) -> String {
    match test {
        Test::Equals(value) => show_typed(&value.fill(values)),
        Test::Matches(pattern) => format!("text that matches `{}`", pattern.fill_regex(values)),
        Test::Contains(value) => format!("something that contains {}", show_typed(&value.fill(values))),
        Test::Type(name) => format!("the type {name}"),
        Test::Length(length) => format!("a length of {length}"),
        Test::Compare(comparison, value) => format!("a number {} {}", sign(*comparison), show(&value.fill(values))),
        Test::Exists(_) | Test::Count(_) => String::new(),
    }
}

/// What is wrong with one value; several lines for a structure that differs in several places.
fn mismatch(test: &Test, got: &Value, typing: Typing, values: &dyn Values) -> Vec<String> {
    let holds = match test {
        Test::Equals(expected) => {
            let expected = expected.fill(values);
            return match (&expected, got) {
                (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
                    differences(&expected, got).into_iter().map(|line| format!("within it, {line}")).collect()
                }
                _ if equal(&expected, got) => Vec::new(),
                _ if type_name(&expected) == type_name(got) => {
                    vec![format!("expected {}, got {}", show(&expected), show(got))]
                }
                _ => vec![format!("expected {}, got {}", show_typed(&expected), show_typed(got))],
            };
        }
        Test::Matches(pattern) => got.as_str().is_some_and(|text| regex_matches(pattern, text, values)),
        Test::Contains(value) => contains(&value.fill(values), got),
        Test::Type(name) => has_type(name, got),
        Test::Length(expected) => match length(got) {
            Some(length) if length == *expected => true,
            Some(length) => return vec![format!("expected a length of {expected}, got {length}: {}", show(got))],
            None => false,
        },
        Test::Compare(comparison, value) => compares(*comparison, value, got, typing, values),
        Test::Exists(_) | Test::Count(_) => true,
    };
    if holds { Vec::new() } else { vec![format!("expected {}, got {}", wanted(test, values), show_typed(got))] }
}

fn regex_matches(pattern: &Text, text: &str, values: &dyn Values) -> bool {
    Regex::new(&pattern.fill_regex(values)).is_ok_and(|regex| regex.is_match(text))
}

fn contains(part: &Value, got: &Value) -> bool {
    match (part, got) {
        (Value::String(part), Value::String(got)) => got.contains(part.as_str()),
        (part, Value::Array(items)) => items.iter().any(|item| equal(part, item)),
        _ => false,
    }
}

fn has_type(name: &str, got: &Value) -> bool {
    match (name, got) {
        ("integer", Value::Number(number)) => integer(number).is_some(),
        _ => name == type_name(got),
    }
}

/// Characters, items or members.
fn length(got: &Value) -> Option<u64> {
    let length = match got {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => return None,
    };
    Some(length as u64)
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Gt => ">",
        Comparison::Ge => "≥",
        Comparison::Lt => "<",
        Comparison::Le => "≤",
    }
}

fn compares(comparison: Comparison, value: &JsonText, got: &Value, typing: Typing, values: &dyn Values) -> bool {
    let number = |value: &Value| match (value, typing) {
        (Value::Number(number), _) => Some(number.clone()),
        // Headers and cookies are always text: here, and only here, it is read as a number.
        (Value::String(text), Typing::Text) => text.trim().parse().ok(),
        _ => None,
    };
    let expected = value.fill(values);
    let (Some(got), Some(bound)) = (number(got), number(&expected)) else { return false };
    let order = match (integer(&got), integer(&bound)) {
        (Some(got), Some(bound)) => Some(got.cmp(&bound)),
        _ => got.as_f64().and_then(|got| got.partial_cmp(&bound.as_f64()?)),
    };
    order.is_some_and(|order| match comparison {
        Comparison::Gt => order.is_gt(),
        Comparison::Ge => order.is_ge(),
        Comparison::Lt => order.is_lt(),
        Comparison::Le => order.is_le(),
    })
}
