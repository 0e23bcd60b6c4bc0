//! Characters of JSON that a YAML reader refuses.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// JSON allows a few characters raw that YAML readers refuse (U+007F, U+FFFE, U+FFFF, C1 controls).
///
/// In a JSON document private-use characters that it does not have stand in for them.
#[derive(Default)]
pub(super) struct Substitute {
    /// What is refused, and what stands in for it.
    pairs: Vec<(char, char)>,
    /// For each stand-in, in order: where it ends, and by how many bytes the text has grown up to there.
    grown: Vec<(usize, usize)>,
}

impl Substitute {
    /// The text as the YAML reader takes it.
    pub(super) fn for_json(text: &str) -> (Self, Cow<'_, str>) {
        let refused = |c: &char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
        if !text.trim_start().starts_with('{') || !text.chars().any(|c| refused(&c)) {
            return (Self::default(), text.into());
        }
        let unique: BTreeSet<char> = text.chars().filter(refused).collect();
        let free = ('\u{f0000}'..='\u{ffffd}').filter(|c| !text.contains(*c));
        let mut substitute = Self { pairs: unique.into_iter().zip(free).collect(), grown: Vec::new() };
        let mut readable = String::with_capacity(text.len());
        let mut original = 0;
        for c in text.chars() {
            original += c.len_utf8();
            match substitute.pairs.iter().find(|(from, _)| *from == c) {
                Some((_, to)) => {
                    readable.push(*to);
                    substitute.grown.push((readable.len(), readable.len() - original));
                }
                None => readable.push(c),
            }
        }
        (substitute, readable.into())
    }

    /// The offset in the text itself of an offset in what the reader took.
    pub(super) fn original(&self, offset: usize) -> usize {
        let before = self.grown.partition_point(|(end, _)| *end <= offset);
        offset - before.checked_sub(1).map_or(0, |last| self.grown[last].1)
    }

    pub(super) fn undo(&self, text: String) -> String {
        if self.pairs.is_empty() {
            return text;
        }
        let swap = |c| self.pairs.iter().find(|(_, to)| *to == c).map_or(c, |(from, _)| *from);
        text.chars().map(swap).collect()
    }
}
