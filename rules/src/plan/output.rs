//! What is asked of the output of a process.

use similar::TextDiff;

use crate::case::{OutputCheck, OutputExpectation, Values};
use crate::outcome::{Kind, Problem};

/// Lines of a difference that are shown; the whole output is a kept log.
const MAX_DIFF_LINES: usize = 60;

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

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}

/// `nothing`, or `12 bytes in 2 lines`.
fn summary(text: &str) -> String {
    match (text.len(), text.lines().count()) {
        (0, _) => "nothing".into(),
        (bytes, 1) if bytes <= 60 => format!("{:?}", but_for_newline(text)),
        (bytes, lines) => format!("{bytes} bytes in {lines} lines"),
    }
}

/// The beginning of a text, for people.
fn head(text: &str) -> String {
    const LINES: usize = 10;
    let mut head: String = text.lines().take(LINES).collect::<Vec<_>>().join("\n");
    if text.lines().count() > LINES {
        head.push_str("\n…");
    }
    head
}

/// Expected (`-`) against got (`+`), with a little context.
fn diff(expected: &str, got: &str) -> String {
    let diff = TextDiff::from_lines(expected, got);
    let unified =
        diff.unified_diff().context_radius(2).missing_newline_hint(false).header("expected", "got").to_string();
    let mut lines: Vec<_> = unified.lines().collect();
    let more = lines.len().saturating_sub(MAX_DIFF_LINES);
    lines.truncate(MAX_DIFF_LINES);
    let mut shown = lines.join("\n");
    if more > 0 {
        shown.push_str(&format!("\n… and {more} more lines"));
    }
    shown
}
