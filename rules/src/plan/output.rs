//! What is asked of the output of a process.

use crate::case::{OutputCheck, OutputExpectation, Values};
use crate::outcome::{Kind, Problem};
use crate::shown::{contains, diff, head};

/// What is wrong with `output`, if anything. `name` is what the output is called in messages: `stdout of echo`.
pub(crate) fn violation(check: &OutputCheck, output: &[u8], name: &str, values: &dyn Values) -> Option<Problem> {
    let text = String::from_utf8_lossy(output);
    let problem = |message: String| Problem::new(Kind::Assertion, check.span, message);
    match &check.expected {
        OutputExpectation::Equals(expected) => {
            let expected = expected.fill(values);
            if but_for_newline(&expected).as_bytes() == but_for_newline_bytes(output) {
                return None;
            }
            let message = format!("{name} is not as expected");
            Some(
                problem(message)
                    .label(format!("got {}", summary(&text)))
                    .detail("diff", diff(but_for_newline(&expected), but_for_newline(&text))),
            )
        }
        OutputExpectation::Contains(expected) => {
            let missing: Vec<_> =
                expected.iter().map(|e| e.fill(values)).filter(|e| !contains(output, e.as_bytes())).collect();
            if missing.is_empty() {
                return None;
            }
            let list = missing.iter().map(|m| format!("{m:?}")).collect::<Vec<_>>().join(", ");
            Some(
                problem(format!("{name} does not contain {list}"))
                    .label(format!("not in {}", summary(&text)))
                    .versus(format!("text that contains {list}"), head(&text)),
            )
        }
        OutputExpectation::Matches(expected) => {
            let mut missing = Vec::new();
            for pattern in expected {
                let pattern = pattern.fill_regex(values);
                let matches = regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match(&text));
                if !matches {
                    missing.push(format!("`{pattern}`"));
                }
            }
            if missing.is_empty() {
                return None;
            }
            let list = missing.join(", ");
            Some(
                problem(format!("{list} does not match in {name}"))
                    .label(format!("no match in {}", summary(&text)))
                    .versus(format!("text that matches {list}"), head(&text)),
            )
        }
        OutputExpectation::Json(expected) => {
            let got: serde_json::Value = match serde_json::from_slice(output) {
                Ok(got) => got,
                Err(error) => {
                    return Some(
                        problem(format!("{name} is not JSON: {error}"))
                            .label(format!("got {}", summary(&text)))
                            .versus("a JSON value", head(&text)),
                    );
                }
            };
            let differences = crate::json::differences(&expected.fill(values), &got);
            if differences.is_empty() {
                return None;
            }
            let count = differences.len();
            let places = if count == 1 { "one place".to_owned() } else { format!("{count} places") };
            Some(
                problem(format!("{name} is another JSON value"))
                    .label(format!("differs in {places}"))
                    .detail("diff", differences.join("\n")),
            )
        }
    }
}

fn but_for_newline(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

fn but_for_newline_bytes(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\n").unwrap_or(bytes)
}

/// `nothing`, or `12 bytes in 2 lines`.
fn summary(text: &str) -> String {
    match (text.len(), text.lines().count()) {
        (0, _) => "nothing".into(),
        (bytes, 1) if bytes <= 60 => format!("{:?}", but_for_newline(text)),
        (bytes, lines) => format!("{bytes} bytes in {lines} lines"),
    }
}
