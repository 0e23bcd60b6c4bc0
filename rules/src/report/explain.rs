//! One explanation of a problem, for the terminal and for reports alike.
//!
//! Much of it is what tested programs printed. A terminal must not obey that, so escapes and control characters are
//! taken out here.

use crate::artifacts::readable;
use crate::outcome::Problem;
use crate::source::Sources;

/// Lines of a log in a report are indented by this.
const INDENT: &str = "    ";

/// What follows the headline: expected and got, details, ends of logs. `below` leads to the output directory.
pub(super) fn explain(problem: &Problem, below: &str) -> String {
    let mut text = String::new();
    if let (Some(expected), Some(got)) = (&problem.expected, &problem.got) {
        block(&mut text, "expected", expected);
        block(&mut text, "got", got);
    }
    for detail in &problem.details {
        block(&mut text, &detail.title, &detail.text);
    }
    for tail in &problem.tails {
        let title = match tail.omitted {
            0 => tail.log.clone(),
            count => format!("{} (after {count} more lines)", tail.log),
        };
        text.push_str(&format!("  {title}\n"));
        for line in tail.text.lines() {
            text.push_str(&format!("{INDENT}| {line}\n"));
        }
        if let Some(kept) = &tail.kept {
            text.push_str(&format!("{INDENT}whole log: {below}{kept}\n"));
        }
    }
    readable(text.as_bytes()).into_owned()
}

/// A word and a text beside it, or below it when the text has several lines.
fn block(to: &mut String, title: &str, text: &str) {
    if text.contains('\n') {
        to.push_str(&format!("  {title}\n"));
        for line in text.lines() {
            to.push_str(&format!("{INDENT}{line}\n"));
        }
    } else {
        to.push_str(&format!("  {title:<8} {text}\n"));
    }
}

/// The headline, without its type.
pub(super) fn headline(problem: &Problem) -> String {
    readable(problem.message.as_bytes()).into_owned()
}

/// The source line with a caret, without a headline.
pub(super) fn caret(problem: &Problem, sources: &Sources, colour: bool) -> String {
    let label = readable(problem.label.as_bytes());
    let shown = crate::diagnostic::excerpt(sources, problem.span, "", &label, colour);
    shown.lines().skip(1).collect::<Vec<_>>().join("\n")
}
