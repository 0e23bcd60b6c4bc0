//! The end of a log, for people.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::Mask;
use super::mask::readable;

/// Bytes that are looked at for the last lines.
const WINDOW: u64 = 64 << 10;
/// Longest line that is shown.
const MAX_LINE: usize = 500;

/// The last `lines` lines of a log, of what was written from byte `from` on and before byte `until`; with the
/// number of lines before them. Nothing when there are none.
pub(crate) fn tail(
    mut file: File,
    (from, until): (u64, Option<u64>),
    lines: usize,
    mask: &Mask,
) -> io::Result<Option<(String, usize)>> {
    let size = file.metadata()?.len();
    let size = until.map_or(size, |until| until.min(size));
    if size <= from {
        return Ok(None);
    }
    let start = size.saturating_sub(WINDOW).max(from);
    let mut before = 0;
    if start > from {
        file.seek(SeekFrom::Start(from))?;
        before = count_lines((&mut file).take(start - from))?;
    }
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(size - start).read_to_end(&mut bytes)?;
    let text = mask.text(&readable(&bytes));
    let all: Vec<&str> = text.lines().collect();
    let first = all.len().saturating_sub(lines);
    let shown: Vec<_> = all[first..].iter().map(|line| shorten(line)).collect();
    Ok(Some((shown.join("\n"), first + before)))
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn count_lines(mut from: impl Read) -> io::Result<usize> {
    let mut buffer = vec![0; 64 << 10];
    let mut count = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(count),
            read => count += memchr::memchr_iter(b'\n', &buffer[..read]).count(),
        }
    }
}
