//! Texts as people are shown them: cut, compared, counted.

use std::time::Duration;

use similar::TextDiff;

/// Lines of a difference that are shown; the whole text is a kept log.
const MAX_DIFF_LINES: usize = 60;
/// Lines of a text's beginning that are shown.
const MAX_HEAD_LINES: usize = 10;
/// Characters of one line that are shown.
const MAX_LINE: usize = 300;
/// Texts beyond this are not compared line by line: that takes time, and nobody reads it.
const MAX_DIFF_TEXT: usize = 1 << 20;

/// Whether `needle` is a part of `haystack`.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

/// The beginning of a text.
pub(crate) fn head(text: &str) -> String {
    let mut lines = text.lines();
    let mut head: Vec<_> = lines.by_ref().take(MAX_HEAD_LINES).map(line).collect();
    if lines.next().is_some() {
        head.push("…".into());
    }
    head.join("\n")
}

/// The beginning of what is most likely text; of anything else, how much there is.
pub(crate) fn head_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(16 << 10)]);
    let strange = text.chars().filter(|c| *c == '\u{fffd}' || c.is_control() && !c.is_whitespace()).count();
    if strange * 10 > text.chars().count() {
        return format!("({} that are not text)", size(bytes.len()));
    }
    head(&text)
}

/// Expected (`-`) against got (`+`), with a little context.
pub(crate) fn diff(expected: &str, got: &str) -> String {
    if expected.len() + got.len() > MAX_DIFF_TEXT {
        let same = expected.bytes().zip(got.bytes()).take_while(|(a, b)| a == b).count();
        let at = expected.as_bytes()[..same].iter().filter(|b| **b == b'\n').count() + 1;
        return format!("the first difference is in line {at}, byte {same}");
    }
    let diff = TextDiff::from_lines(expected, got);
    let unified =
        diff.unified_diff().context_radius(2).missing_newline_hint(false).header("expected", "got").to_string();
    let mut lines: Vec<_> = unified.lines().map(line).collect();
    let more = lines.len().saturating_sub(MAX_DIFF_LINES);
    if more > 0 {
        lines.truncate(MAX_DIFF_LINES);
        lines.push(format!("… and {more} more lines"));
    }
    if expected.lines().eq(got.lines()) {
        lines.push("(they differ in line ends only)".into());
    }
    lines.join("\n")
}

/// One line, cut where it is very long.
fn line(text: &str) -> String {
    match text.char_indices().nth(MAX_LINE) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
    }
}

/// A text between quotes, cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", line(text))
}

/// `812 B`, `1.5 KiB`, `16 MiB`.
pub(crate) fn size(bytes: usize) -> String {
    let scaled = |scale: usize, unit: &str| {
        let text = format!("{:.1}", bytes as f64 / scale as f64);
        format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => scaled(1 << 10, "KiB"),
        _ => scaled(1 << 20, "MiB"),
    }
}

/// `3.1 ms`, `2.50 s`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// The text with what [`time`] has put into it replaced, so that two runs can be compared.
pub(crate) fn without_times(text: &str) -> String {
    let pattern = regex::Regex::new(r"\b[0-9]+\.[0-9]+ m?s\b");
    pattern.map_or_else(|_| text.to_owned(), |pattern| pattern.replace_all(text, "TIME").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_counted() {
        assert_eq!(head("a\nb\n"), "a\nb");
        assert_eq!(head(&"a\n".repeat(11)).lines().count(), 11);
        assert!(head(&"é".repeat(5000)).ends_with("… (10000 bytes)"));
        assert_eq!([size(812), size(1536), size(16 << 20)], ["812 B", "1.5 KiB", "16 MiB"]);
        assert_eq!(without_times("200 OK, 812 B, 3.1 ms"), "200 OK, 812 B, TIME");
        assert_eq!([time(Duration::from_micros(3140)), time(Duration::from_millis(2500))], ["3.1 ms", "2.50 s"]);
    }

    #[test]
    fn differences_have_context_and_an_end() {
        assert_eq!(diff("a\nb\n", "a\nc\n"), "--- expected\n+++ got\n@@ -1,2 +1,2 @@\n a\n-b\n+c");
        assert!(diff("a\n", "a").ends_with("(they differ in line ends only)"));
        let lines = diff(&"a\n".repeat(100), &"b\n".repeat(100)).lines().count();
        assert_eq!(lines, MAX_DIFF_LINES + 1);
        assert_eq!(diff(&"a\n".repeat(1 << 20), "a\nb"), "the first difference is in line 2, byte 2");
    }
}
