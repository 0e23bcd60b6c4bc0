//! JSON values compared by meaning: what differs, and where.
//!
//! Objects have no order, arrays have one, types are strict, and 1 equals 1.0. Paths in messages are RFC 9535's
//! normalized paths in their shorter spelling (`$.a.b[0]`), so that they can be pasted into `assert_jsonpath`.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// More differences than this are counted, not listed: nobody reads them, and a body has room for millions.
const MAX_DIFFERENCES: usize = 50;

/// A value in a message has at most this many characters.
const MAX_SHOWN: usize = 200;

/// Arrays are aligned (an item too many shifts the rest) when their lengths multiplied stay below this; others are
/// compared index by index, so that the time stays bounded.
const MAX_ALIGNED: usize = 1 << 22;

/// Whether two values mean the same.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => numbers_equal(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => a == b,
    }
}

/// How `got` differs from `expected`: a line for each place, none when they mean the same.
#[must_use]
pub fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Differences::default();
    found.values(&mut Path::root(), expected, got);
    found.into_lines()
}

/// What of `expected` is not in `got`: a line for each place, none when `expected` is a part of `got`.
///
/// An object is a part when each of its members is; an array when each of its items is a part of some item, in this
/// order; anything else when it is equal.
#[must_use]
pub fn missing_parts(expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Differences::default();
    found.parts(&mut Path::root(), expected, got);
    found.into_lines()
}

/// A value on one line, shortened.
#[must_use]
pub fn show(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        None => text,
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
    }
}

/// `the number 5`, `the string "5"`: the value with its type before it.
#[must_use]
pub fn show_typed(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        _ => format!("the {} {}", type_name(value), show(value)),
    }
}

/// The type's name in JSON.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn numbers_equal(a: &Number, b: &Number) -> bool {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.as_f64() == b.as_f64(),
        _ => false,
    }
}

/// The number as an integer, when it is one in meaning: 5, and 5.0 as well.
#[must_use]
pub(crate) fn integer(number: &Number) -> Option<i128> {
    if let Some(value) = number.as_i64() {
        return Some(value.into());
    }
    if let Some(value) = number.as_u64() {
        return Some(value.into());
    }
    // Below 2^100 a whole float converts without loss; none of those beyond is equal to an integer of JSON's.
    let value = number.as_f64()?;
    (value.fract() == 0.0 && value.abs() < (1_u128 << 100) as f64).then_some(value as i128)
}

/// A path that grows and shrinks with the walk.
struct Path(String);

impl Path {
    fn root() -> Self {
        Self("$".into())
    }

    fn member<T>(&mut self, key: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let plain = key.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_alphanumeric() || c == '_');
        let part = if plain { format!(".{key}") } else { format!("['{}']", escape(key)) };
        self.with(&part, inside)
    }

    fn item<T>(&mut self, index: usize, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.with(&format!("[{index}]"), inside)
    }

    fn with<T>(&mut self, part: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        self.0.push_str(part);
        let result = inside(self);
        self.0.truncate(length);
        result
    }
}

/// A member's name between single quotes, as RFC 9535 writes it.
fn escape(key: &str) -> String {
    let mut escaped = String::new();
    for c in key.chars() {
        match c {
            '\'' | '\\' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[derive(Default)]
struct Differences {
    lines: Vec<String>,
    unlisted: usize,
}

impl Differences {
    fn add(&mut self, line: impl FnOnce() -> String) {
        if self.lines.len() < MAX_DIFFERENCES {
            self.lines.push(line());
        } else {
            self.unlisted += 1;
        }
    }

    fn into_lines(mut self) -> Vec<String> {
        if self.unlisted > 0 {
            self.lines.push(format!("… and {} more", self.unlisted));
        }
        self.lines
    }

    fn values(&mut self, path: &mut Path, expected: &Value, got: &Value) {
        match (expected, got) {
            (Value::Array(expected), Value::Array(got)) => self.arrays(path, expected, got),
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    path.member(key, |path| match got.get(key) {
                        Some(other) => self.values(path, value, other),
                        None => self.missing(path, value),
                    });
                }
                for (key, value) in got.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    path.member(key, |path| self.surplus(path, value));
                }
            }
            _ if equal(expected, got) => {}
            _ => self.unequal(path, expected, got),
        }
    }

    fn arrays(&mut self, path: &mut Path, expected: &[Value], got: &[Value]) {
        if expected.len() == got.len() || expected.len().saturating_mul(got.len()) > MAX_ALIGNED {
            self.in_step(path, expected, 0, got, 0);
            return;
        }
        let keys = |items: &[Value]| items.iter().map(canonical).collect::<Vec<_>>();
        for op in capture_diff_slices(Algorithm::Myers, &keys(expected), &keys(got)) {
            if !matches!(op, DiffOp::Equal { .. }) {
                let (old, new) = (op.old_range(), op.new_range());
                self.in_step(path, &expected[old.clone()], old.start, &got[new.clone()], new.start);
            }
        }
    }

    /// Item against item; those that are left on one side are missing or too many.
    fn in_step(&mut self, path: &mut Path, expected: &[Value], first: usize, got: &[Value], got_first: usize) {
        for (i, (expected, got)) in expected.iter().zip(got).enumerate() {
            path.item(got_first + i, |path| self.values(path, expected, got));
        }
        for (i, value) in expected.iter().enumerate().skip(got.len()) {
            path.item(first + i, |path| self.missing(path, value));
        }
        for (i, value) in got.iter().enumerate().skip(expected.len()) {
            path.item(got_first + i, |path| self.surplus(path, value));
        }
    }

    fn parts(&mut self, path: &mut Path, expected: &Value, got: &Value) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    path.member(key, |path| match got.get(key) {
                        Some(other) => self.parts(path, value, other),
                        None => self.missing(path, value),
                    });
                }
            }
            (Value::Array(expected), Value::Array(got)) => {
                let mut from = 0;
                for value in expected {
                    match got[from..].iter().position(|item| is_part(value, item)) {
                        Some(at) => from += at + 1,
                        None => self.add(|| {
                            let after = if from == 0 { String::new() } else { format!(" after [{}]", from - 1) };
                            format!("{}: no item{after} contains {}", path.0, show_typed(value))
                        }),
                    }
                }
            }
            _ if equal(expected, got) => {}
            _ => self.unequal(path, expected, got),
        }
    }

    fn unequal(&mut self, path: &Path, expected: &Value, got: &Value) {
        self.add(|| match type_name(expected) == type_name(got) {
            true => format!("{}: expected {}, got {}", path.0, show(expected), show(got)),
            false => format!("{}: expected {}, got {}", path.0, show_typed(expected), show_typed(got)),
        });
    }

    fn missing(&mut self, path: &Path, value: &Value) {
        self.add(|| format!("{}: expected {}, got nothing", path.0, show(value)));
    }

    fn surplus(&mut self, path: &Path, value: &Value) {
        self.add(|| format!("{}: expected nothing, got {}", path.0, show(value)));
    }
}

fn is_part(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            expected.iter().all(|(key, value)| got.get(key).is_some_and(|other| is_part(value, other)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            let mut rest = got.iter();
            expected.iter().all(|value| rest.any(|item| is_part(value, item)))
        }
        _ => equal(expected, got),
    }
}

/// A text that is the same for two values just when they are equal.
fn canonical(value: &Value) -> String {
    fn normal(value: &Value) -> Value {
        match value {
            Value::Number(number) => match integer(number) {
                // Integers beyond 64 bits only come from floats, whose own spelling is as good.
                Some(integer) => i64::try_from(integer)
                    .map(Value::from)
                    .or_else(|_| u64::try_from(integer).map(Value::from))
                    .unwrap_or_else(|_| value.clone()),
                None => value.clone(),
            },
            Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by_key(|(key, _)| *key);
                let members = sorted.into_iter().map(|(key, value)| (key.clone(), normal(value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            _ => value.clone(),
        }
    }
    normal(value).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(expected: Value, got: Value) -> Vec<String> {
        let lines = differences(&expected, &got);
        assert_eq!(lines.is_empty(), equal(&expected, &got), "{expected} {got}");
        lines
    }

    #[test]
    fn order_of_members_and_spelling_of_numbers_do_not_matter() {
        assert_eq!(lines(json!({"a": 1, "b": [2.0]}), json!({"b": [2], "a": 1.0})), Vec::<String>::new());
        assert_eq!(lines(json!(u64::MAX), json!(u64::MAX as f64)).len(), 1);
        assert_eq!(lines(json!(-0.0), json!(0)).len(), 0);
        assert_eq!(lines(json!(1e300), json!(1e300)).len(), 0);
        assert_eq!(lines(json!(0.5), json!(0)).len(), 1);
    }

    #[test]
    fn every_difference_has_its_path_and_types() {
        let expected = json!({"id": 5, "name": "Ann", "a b": {"x'y": true}, "gone": null, "list": [1, 2]});
        let got = json!({"id": "5", "name": "Bob", "a b": {"x'y": false}, "new": [], "list": [1, 3]});
        assert_eq!(
            lines(expected, got),
            [
                r#"$.id: expected the number 5, got the string "5""#,
                r#"$.name: expected "Ann", got "Bob""#,
                r"$['a b']['x\'y']: expected true, got false",
                "$.gone: expected null, got nothing",
                "$.list[1]: expected 2, got 3",
                "$.new: expected nothing, got []",
            ]
        );
    }

    #[test]
    fn an_item_too_many_does_not_shift_the_rest() {
        assert_eq!(lines(json!([1, 2, 3]), json!([0, 1, 2.0, 3])), ["$[0]: expected nothing, got 0"]);
        assert_eq!(lines(json!([1, 2, 3]), json!([1, 3])), ["$[1]: expected 2, got nothing"]);
        assert_eq!(
            lines(json!([{"a": 1}, {"b": 2}]), json!([{"b": 2}, {"c": 3}, 4])),
            [
                "$[0]: expected {\"a\":1}, got nothing",
                "$[1]: expected nothing, got {\"c\":3}",
                "$[2]: expected nothing, got 4"
            ]
        );
    }

    #[test]
    fn parts_are_looked_for_in_order() {
        let got = json!({"items": [{"id": 1, "tag": "a"}, {"id": 2, "tag": "b"}], "total": 2});
        let parts = |expected| missing_parts(&expected, &got);
        assert_eq!(parts(json!({"items": [{"id": 2.0}], "total": 2})), Vec::<String>::new());
        assert_eq!(
            parts(json!({"items": [{"id": 2}, {"id": 1}]})),
            ["$.items: no item after [1] contains the object {\"id\":1}"]
        );
        assert_eq!(
            parts(json!({"total": "2", "more": 1})),
            ["$.total: expected the string \"2\", got the number 2", "$.more: expected 1, got nothing"]
        );
    }

    #[test]
    fn long_values_and_many_differences_are_cut() {
        let long = "é".repeat(1000);
        assert!(show(&json!(long)).chars().count() < MAX_SHOWN + 30);
        let many = lines(json!(vec![0; 1000]), json!(vec![1; 1000]));
        assert_eq!(many.len(), MAX_DIFFERENCES + 1);
        assert_eq!(many.last().map(String::as_str), Some("… and 950 more"));
    }
}
