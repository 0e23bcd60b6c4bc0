//! Source texts and the places in them.
//!
//! Everything that a user can get wrong, and every constraint that a test can violate, was written somewhere in a
//! manifest. A [`Span`] remembers where, from the reader to the report; [`Sources`] turns it back into a line with a
//! caret.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A range of bytes in one source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Index of the text in its [`Sources`].
    pub file: u32,
    /// First byte of the range.
    pub start: u32,
    /// First byte after the range.
    pub end: u32,
}

/// One text that was read: a manifest.
#[derive(Debug)]
pub struct Source {
    /// The path as the user knows it: relative to the working directory where possible.
    pub shown: String,
    /// The path to open.
    pub path: PathBuf,
    /// The text itself; empty when it could not be read.
    pub text: String,
    line_starts: Vec<u32>,
}

impl Source {
    /// A source for `text`, shown to users as `shown`.
    #[must_use]
    pub fn new(shown: String, path: PathBuf, text: String) -> Self {
        // YAML knows three line breaks: LF, CRLF and CR.
        let ends = |i: usize| text.as_bytes()[i] == b'\n' || !text[i + 1..].starts_with('\n');
        let newlines = text.bytes().enumerate().filter(|(i, b)| matches!(b, b'\n' | b'\r') && ends(*i));
        let line_starts = std::iter::once(0).chain(newlines.map(|(i, _)| clamp(i + 1))).collect();
        Self { shown, path, text, line_starts }
    }

    /// Line and column of a byte offset, both counted from 1; the column in characters.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.line_of(offset);
        let start = self.line_starts[line as usize - 1] as usize;
        let end = (offset as usize).clamp(start, self.text.len());
        let column = self.text.get(start..end).map_or(end - start, |s| s.chars().count());
        (line, clamp(column + 1))
    }

    /// The line, counted from 1, of a byte offset.
    #[must_use]
    pub fn line_of(&self, offset: u32) -> u32 {
        clamp(self.line_starts.partition_point(|start| *start <= offset).max(1))
    }

    /// The text of line `line` (from 1), without its line break.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let index = (line.max(1) - 1) as usize;
        let Some(&start) = self.line_starts.get(index) else {
            return "";
        };
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |e| *e as usize);
        self.text.get(start as usize..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }
}

/// Every text that was read, in the order of reading.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and returns its index for [`Span::file`].
    pub fn add(&mut self, source: Source) -> u32 {
        self.0.push(source);
        clamp(self.0.len() - 1)
    }

    /// The text that `file` is the index of.
    ///
    /// # Panics
    ///
    /// When `file` did not come from [`Sources::add`].
    #[must_use]
    pub fn get(&self, file: u32) -> &Source {
        &self.0[file as usize]
    }

    /// `path:line:column` of a span's beginning.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let source = self.get(span.file);
        let (line, column) = source.line_column(span.start);
        format!("{}:{line}:{column}", source.shown)
    }

    /// The line (from 1) that a span begins on.
    #[must_use]
    pub fn line(&self, span: Span) -> u32 {
        self.get(span.file).line_of(span.start)
    }

    /// All texts.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

/// Offsets are kept in 32 bits; manifests are refused long before that.
pub(crate) fn clamp(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let source = Source::new("a".into(), "a".into(), "é: x\r\nsecond".into());
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(4), (1, 4));
        assert_eq!(source.line_column(7), (2, 1));
        assert_eq!(source.line_column(999), (2, 7));
        assert_eq!((source.line(1), source.line(2), source.line(9)), ("é: x", "second", ""));
        let source = Source::new("a".into(), "a".into(), "one\rtwo\r\r\n".into());
        assert_eq!((source.line(2), source.line(3), source.line(4)), ("two", "", ""));
        assert_eq!(source.line_column(5), (2, 2));
    }
}
