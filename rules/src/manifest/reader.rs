//! Nodes to values: strict about types, generous with words about what is wrong.
//!
//! Every function here reports what it can't read and returns `None`, so that one mistake never hides the next.

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use super::node::{Entry, Node, Scalar, Value, resolve_plain};
use super::vocabulary::{Key, names};
use crate::case::{Status, StatusSet, signal_by_name, signal_name};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source::Span;

/// Text with the place it was written at, before anything in it is filled in.
pub(super) type RawText = (String, Span);

/// Where problems go.
#[derive(Default)]
pub(super) struct Problems(RefCell<Vec<Diagnostic>>);

impl Problems {
    pub(super) fn add(&self, problem: Diagnostic) {
        self.0.borrow_mut().push(problem);
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) {
        self.add(Diagnostic::error(span, message));
    }

    pub(super) fn has_errors(&self) -> bool {
        self.0.borrow().iter().any(|p| p.severity == Severity::Error)
    }

    /// All of them in the order of the text, each once: what a file sets is looked at for each of its cases.
    pub(super) fn into_vec(self) -> Vec<Diagnostic> {
        let mut problems = self.0.into_inner();
        problems.sort_by_key(|problem| (problem.span.file, problem.span.start));
        let mut told = HashSet::new();
        problems.retain(|problem| told.insert((problem.span, problem.message.clone())));
        problems
    }

    /// "WHAT must be WANTED, not a boolean".
    pub(super) fn mismatch<T>(&self, node: &Node, what: &str, wanted: &str) -> Option<T> {
        let problem = Diagnostic::error(node.span, format!("{what} must be {wanted}, not {}", node.describe()));
        let plain = |text: &str| !matches!(resolve_plain(text), Scalar::Text(_) | Scalar::Null);
        let help = match node.scalar() {
            Some(Scalar::Null) if wanted == "text" => Some("write `\"\"` for an empty text"),
            Some(Scalar::Null) => None,
            Some(Scalar::Text(text)) if plain(text) && wanted != "a mapping" => Some("leave the quotes out"),
            Some(Scalar::Text(_)) | None if wanted == "a list" => Some("write `[A, B]`, also for just one: `[A]`"),
            _ if wanted == "a mapping" => Some("write `{KEY: VALUE}`"),
            Some(_) if wanted == "text" => Some("put it in quotes"),
            _ => None,
        };
        self.add(if let Some(help) = help { problem.help(help) } else { problem });
        None
    }
}

/// A mapping whose keys are known.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n>(&'n [Entry]);

impl<'n> Fields<'n> {
    /// Opens a mapping; keys that are in none of the `tables` are reported. `what` says what the mapping is.
    pub(super) fn open(node: &'n Node, what: &str, tables: &[&[Key]], problems: &Problems) -> Option<Self> {
        let Some(entries) = node.entries() else {
            return problems.mismatch(node, what, "a mapping");
        };
        for entry in entries {
            if !tables.iter().any(|table| names(table).any(|name| name == entry.key)) {
                problems.add(unknown_key(entry, what, tables.iter().flat_map(|table| names(table))));
            }
        }
        Some(Self(entries))
    }

    /// A mapping whose keys were checked before.
    pub(super) fn known(node: &'n Node) -> Option<Self> {
        node.entries().map(Self)
    }

    pub(super) fn get(self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The value of a key that must be there; `remedy` says what to write when it is not.
    pub(super) fn require(
        self,
        key: &str,
        mapping: (Span, &str),
        remedy: &str,
        problems: &Problems,
    ) -> Option<&'n Node> {
        let node = self.get(key);
        // A key that was reported as probably meant to be this one is not missed a second time.
        if node.is_none() && !self.0.iter().any(|entry| nearest(&entry.key, [key]).is_some()) {
            let (span, what) = mapping;
            problems.add(Diagnostic::error(span, format!("{what} has no `{key}`")).help(remedy));
        }
        node
    }

    pub(super) fn entry(self, key: &str) -> Option<&'n Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }
}

/// "unknown key `x` in a step, did you mean `y`?"
pub(super) fn unknown_key<'a>(entry: &Entry, what: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let mut known: Vec<_> = known.collect();
    match nearest(&entry.key, known.iter().copied()) {
        Some(near) => {
            Diagnostic::error(entry.key_span, format!("unknown key `{}` in {what}, did you mean `{near}`?", entry.key))
        }
        None => {
            known.sort_unstable();
            known.dedup();
            Diagnostic::error(entry.key_span, format!("unknown key `{}` in {what}", entry.key))
                .help(format!("known here: {}", known.join(", ")))
        }
    }
}

impl Problems {
    /// Where text is wanted, an unquoted scalar is its source text.
    pub(super) fn text(&self, node: &Node, what: &str) -> Option<RawText> {
        match &node.value {
            Value::Scalar { text, .. } if !node.is_null() => Some((text.clone(), node.span)),
            _ => self.mismatch(node, what, "text"),
        }
    }

    /// Text where types are strict: numbers and booleans need quotes.
    pub(super) fn string(&self, node: &Node, what: &str) -> Option<RawText> {
        match node.scalar() {
            Some(Scalar::Text(text)) => Some((text.to_owned(), node.span)),
            _ => self.mismatch(node, what, "text"),
        }
    }

    pub(super) fn boolean(&self, node: &Node, what: &str) -> Option<bool> {
        match node.scalar() {
            Some(Scalar::Bool(value)) => Some(value),
            Some(Scalar::Text("yes" | "no" | "on" | "off")) => {
                self.add(
                    Diagnostic::error(node.span, format!("{what} must be a boolean, not text"))
                        .help("in YAML 1.2 booleans are `true` and `false`"),
                );
                None
            }
            _ => self.mismatch(node, what, "`true` or `false`"),
        }
    }

    pub(super) fn integer(&self, node: &Node, what: &str, least: u64) -> Option<u64> {
        match node.scalar() {
            Some(Scalar::Int(value)) => match u64::try_from(value) {
                Ok(value) if value >= least => Some(value),
                _ => {
                    self.error(node.span, format!("{what} must be at least {least}"));
                    None
                }
            },
            _ => self.mismatch(node, what, "a whole number"),
        }
    }

    pub(super) fn duration(&self, node: &Node, what: &str) -> Option<Duration> {
        let shown = match node.scalar() {
            Some(Scalar::Text(text)) => match parse_duration(text) {
                Some(duration) => return Some(duration),
                None => text.to_owned(),
            },
            Some(Scalar::Int(value)) => {
                self.add(
                    Diagnostic::error(node.span, format!("{what} needs a unit"))
                        .help(format!("write `{value}s` or `{value}ms`")),
                );
                return None;
            }
            _ => return self.mismatch(node, what, "a duration such as `20s`"),
        };
        self.add(
            Diagnostic::error(node.span, format!("{what}: `{shown}` is not a duration"))
                .help("write a number and a unit: `500ms`, `20s`, `2m`, `1h`"),
        );
        None
    }

    pub(super) fn size(&self, node: &Node, what: &str) -> Option<u64> {
        match node.scalar() {
            Some(Scalar::Int(value)) => u64::try_from(value).ok().or_else(|| {
                self.error(node.span, format!("{what} can't be negative"));
                None
            }),
            Some(Scalar::Text(text)) => parse_size(text).or_else(|| {
                self.add(
                    Diagnostic::error(node.span, format!("{what}: `{text}` is not a number of bytes"))
                        .help("write bytes as a number, or with a unit: `64KiB`, `16MiB`, `1GiB`"),
                );
                None
            }),
            _ => self.mismatch(node, what, "a number of bytes such as `64MiB`"),
        }
    }

    /// One of a few words; the index of the one it is.
    pub(super) fn word(&self, node: &Node, what: &str, words: &[&str]) -> Option<usize> {
        let Some(Scalar::Text(text)) = node.scalar() else {
            return self.mismatch(node, what, &format!("one of {}", words.join(", ")));
        };
        let span = node.span;
        let found = words.iter().position(|word| *word == text);
        if found.is_none() {
            let problem = Diagnostic::error(span, format!("{what} can't be `{text}`"));
            self.add(problem.help(format!("write one of: {}", words.join(", "))));
        }
        found
    }

    pub(super) fn items<'n>(&self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        node.items().or_else(|| self.mismatch(node, what, "a list"))
    }

    pub(super) fn entries<'n>(&self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        node.entries().or_else(|| self.mismatch(node, what, "a mapping"))
    }

    /// A list of strings.
    pub(super) fn strings(&self, node: &Node, what: &str) -> Vec<RawText> {
        let items = self.items(node, what).unwrap_or_default();
        items.iter().filter_map(|item| self.string(item, &format!("an item of {what}"))).collect()
    }

    /// A string, or a list of them that is not empty.
    pub(super) fn one_or_more(&self, node: &Node, what: &str) -> Option<Vec<RawText>> {
        if node.items().is_none() {
            return self.string(node, what).map(|text| vec![text]);
        }
        let texts = self.strings(node, what);
        if node.items().is_some_and(<[_]>::is_empty) {
            self.error(node.span, format!("{what} must not be an empty list"));
        }
        (!texts.is_empty()).then_some(texts)
    }

    /// A mapping of names to text.
    pub(super) fn text_map(&self, node: &Node, what: &str) -> Vec<(RawText, RawText)> {
        let entries = self.entries(node, what).unwrap_or_default();
        let read = |entry: &Entry| {
            let value = self.text(&entry.node, &format!("`{}` of {what}", entry.key))?;
            Some(((entry.key.clone(), entry.key_span), value))
        };
        entries.iter().filter_map(read).collect()
    }

    pub(super) fn signal(&self, node: &Node, what: &str) -> Option<i32> {
        if let Some(Scalar::Int(number)) = node.scalar() {
            let named = i32::try_from(number).map(signal_name).unwrap_or_default();
            let problem = Diagnostic::error(node.span, format!("{what} must be the name of a signal, not its number"));
            self.add(match named.strip_prefix("SIG") {
                Some(_) => problem.help(format!("write `{named}`")),
                None => problem.help("write a name such as SIGTERM"),
            });
            return None;
        }
        let (text, span) = self.string(node, what)?;
        let signal = signal_by_name(&text);
        if signal.is_none() {
            let problem = Diagnostic::error(span, format!("`{text}` is not a signal"));
            self.add(match nearest_signal(&text) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("write a name such as SIGTERM"),
            });
        }
        signal
    }

    /// STATUS of the contract's section 2.
    pub(super) fn status(&self, node: &Node, what: &str) -> Option<StatusSet> {
        let one = |node: &Node| match node.scalar() {
            Some(Scalar::Int(code)) => u8::try_from(code).map(Status::Code).ok().or_else(|| {
                self.error(node.span, format!("{what}: an exit code is from 0 to 255"));
                None
            }),
            Some(Scalar::Text("nonzero")) => Some(Status::Nonzero),
            Some(Scalar::Text("any")) => Some(Status::Any),
            Some(Scalar::Text(text)) => signal_by_name(text).map(Status::Signal).or_else(|| {
                self.add(if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
                    Diagnostic::error(node.span, format!("{what}: `{text}` is text, a code is a number"))
                        .help("leave the quotes out")
                } else {
                    unknown_status(text, node.span)
                });
                None
            }),
            _ => self.mismatch(node, what, "a status (0…255, SIGNAME, nonzero, any, or a list of them)"),
        };
        match node.items() {
            None => one(node).map(|status| StatusSet(vec![status])),
            Some([]) => {
                self.error(node.span, format!("{what} must not be an empty list"));
                None
            }
            Some(items) => {
                let read: Vec<_> = items.iter().filter_map(one).collect();
                (read.len() == items.len()).then_some(StatusSet(read))
            }
        }
    }
}

fn unknown_status(text: &str, span: Span) -> Diagnostic {
    let near = nearest(text, ["nonzero", "any"]).map(str::to_owned).or_else(|| nearest_signal(text));
    let problem = Diagnostic::error(span, format!("`{text}` is not a status"));
    match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("write a code, a signal such as SIGTERM, `nonzero` or `any`"),
    }
}

/// The signal that was probably meant: `TERM`, `sigterm` and `SIGTRM` are SIGTERM.
fn nearest_signal(text: &str) -> Option<String> {
    let upper = text.to_uppercase();
    let guesses = [upper.clone(), format!("SIG{upper}")];
    let sure = guesses.into_iter().find(|guess| signal_by_name(guess).is_some());
    sure.or_else(|| nearest(&upper, crate::case::signal_names()).map(str::to_owned))
}

/// `500ms`, `1.5s`, `2m`, `1h`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
        return None;
    }
    let seconds = number.parse::<f64>().ok()? * scale;
    // A thousand years is as good as for ever, and stays clear of every overflow.
    (seconds <= 3.2e10).then(|| Duration::from_micros((seconds * 1e6).round() as u64))
}

fn parse_size(text: &str) -> Option<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let scale: u64 = match unit {
        "B" => 1,
        "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.trim_end().parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_need_units() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_secs(120)));
        for text in ["", "5", "s", "5 s", "-5s", "5.s", "1e99h", "5d", "0x5s", "5ss"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        assert_eq!(parse_size("64"), None);
        assert_eq!(parse_size("99999999999GiB"), None);
    }
}
