//! Masking: secrets always, and what varies from run to run when runs are to be compared.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use regex::bytes::{Captures, Regex};

/// Replaces certain strings by others.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    /// What to look for, and what to put in its place.
    replacements: Vec<(Vec<u8>, String)>,
    pattern: Option<Regex>,
    longest: usize,
}

impl Mask {
    /// Masks the values of secrets.
    pub(crate) fn secrets<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut mask = Self::default();
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            mask.add(value, "***", false);
            // The same value as it stands in JSON output.
            let json = serde_json::Value::from(value).to_string();
            let escaped = json.trim_matches('"');
            if escaped != value {
                mask.add(escaped, "***", false);
            }
        }
        mask.compile();
        mask
    }

    /// Adds strings (`false`) or whole numbers (`true`) with their replacement.
    pub(crate) fn and(mut self, more: impl IntoIterator<Item = (String, String, bool)>) -> Self {
        for (text, replacement, number) in more {
            self.add(&text, &replacement, number);
        }
        self.compile();
        self
    }

    fn add(&mut self, text: &str, replacement: &str, number: bool) {
        if text.is_empty() {
            return;
        }
        // A number is itself only when no digit stands beside it; the marks are looked at again when replacing.
        let key = if number { format!("\0{text}") } else { text.to_owned() };
        if !self.replacements.iter().any(|(known, _)| *known == key.as_bytes()) {
            self.replacements.push((key.into_bytes(), replacement.to_owned()));
        }
    }

    fn compile(&mut self) {
        // The longest first: of two secrets of which one begins with the other, all is masked.
        self.replacements.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        self.longest = self.replacements.first().map_or(0, |(text, _)| text.len());
        let escape = |text: &[u8]| {
            let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("\\x{b:02x}")).collect::<String>();
            match text.strip_prefix(b"\0") {
                Some(number) => format!("\\b{}\\b", hex(number)),
                None => hex(text),
            }
        };
        let all: Vec<_> = self.replacements.iter().map(|(text, _)| format!("({})", escape(text))).collect();
        self.pattern = if all.is_empty() { None } else { Regex::new(&format!("(?-u){}", all.join("|"))).ok() };
    }

    /// Whether nothing is masked.
    pub(crate) fn is_empty(&self) -> bool {
        self.pattern.is_none()
    }

    /// The text with everything masked.
    pub(crate) fn text(&self, text: &str) -> String {
        let Some(pattern) = &self.pattern else { return text.to_owned() };
        String::from_utf8_lossy(&pattern.replace_all(text.as_bytes(), |c: &Captures<'_>| self.replacement(c)))
            .into_owned()
    }

    /// Masks in place.
    pub(crate) fn apply(&self, text: &mut String) {
        if !self.is_empty() {
            *text = self.text(text);
        }
    }

    fn replacement(&self, captures: &Captures<'_>) -> Vec<u8> {
        let which = captures.iter().skip(1).position(|group| group.is_some());
        which.map(|i| self.replacements[i].1.clone().into_bytes()).unwrap_or_default()
    }

    /// Copies `from` to `to`, masked, with bounded memory.
    pub(crate) fn copy(&self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        const CHUNK: usize = 256 << 10;
        let Some(pattern) = &self.pattern else { return io::copy(&mut from, &mut to).map(drop) };
        let mut buffer = Vec::with_capacity(CHUNK * 2);
        loop {
            let read = (&mut from).take(CHUNK as u64).read_to_end(&mut buffer)?;
            let end = read == 0;
            // What might be the beginning of a match stays for the next round.
            let safe = if end { buffer.len() } else { buffer.len().saturating_sub(self.longest + 1) };
            let mut done = 0;
            for found in pattern.captures_iter(&buffer) {
                let Some(whole) = found.get(0).filter(|whole| whole.start() < safe) else { break };
                to.write_all(&buffer[done..whole.start()])?;
                to.write_all(&self.replacement(&found))?;
                done = whole.end();
            }
            if done < safe {
                to.write_all(&buffer[done..safe])?;
                done = safe;
            }
            buffer.drain(..done);
            if end {
                return Ok(());
            }
        }
    }
}

/// Text for people and for XML: escape sequences of terminals are taken out, bytes that are no text become U+FFFD.
pub(crate) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\t' => clean.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// Skips the rest of an ECMA-48 sequence: CSI to its final byte, OSC to its terminator, anything else one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            while let Some(&c) = chars.peek() {
                // Parameters and intermediates are below '@'; the final byte ends it. A line break was never part of it.
                if c == '\n' {
                    return;
                }
                chars.next();
                if ('@'..='~').contains(&c) {
                    return;
                }
            }
        }
        Some(']') => {
            while let Some(&c) = chars.peek() {
                if c == '\n' {
                    return;
                }
                chars.next();
                if c == '\u{7}' {
                    return;
                }
                if c == '\u{1b}' {
                    if chars.peek() == Some(&'\\') {
                        chars.next();
                    }
                    return;
                }
            }
        }
        Some('\n') | None => {}
        Some(_) => {
            chars.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_also_across_chunks_and_in_json() {
        let mask = Mask::secrets(["hunter2", "hunter2-long", "a\"b"]);
        assert_eq!(mask.text("x hunter2-long y hunter2 {\"k\":\"a\\\"b\"}"), "x *** y *** {\"k\":\"***\"}");
        for at in [262_140, 262_143, 262_144, 524_280] {
            let mut log = vec![b'x'; at];
            log.extend(b"hunter2-long and more");
            let mut masked = Vec::new();
            mask.copy(&log[..], &mut masked).expect("memory does not fail");
            assert!(masked.ends_with(b"x*** and more"), "at {at}");
            assert_eq!(masked.len(), at + 12);
        }
    }

    #[test]
    fn numbers_are_masked_whole() {
        let mask = Mask::default().and([("4711".into(), "PORT".into(), true), ("/tmp/x".into(), "DIR".into(), false)]);
        assert_eq!(mask.text("http://h:4711/ 14711 4711 /tmp/x/y"), "http://h:PORT/ 14711 PORT DIR/y");
    }

    #[test]
    fn readable_has_no_escapes_and_no_controls() {
        assert_eq!(readable(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x00\r\ny\xff\x1b"), "red x\u{fffd}\ny\u{fffd}");
    }
}
