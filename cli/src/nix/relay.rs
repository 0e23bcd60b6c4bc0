//! A child process whose output goes on to Nix, line by line.
//!
//! Nix takes a line that begins with `@nix ` for a message to itself, and it kills a build that is silent for too long.

use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Longer lines are broken: they would be held in memory until they end.
const LONGEST_LINE: u64 = 64 * 1024;

/// Runs the command, passes what it prints on to `out`, and prints a line after each `heartbeat` of silence.
///
/// # Errors
///
/// When the command can't be started, or there is nobody to print to.
pub(super) fn run(command: &mut Command, out: &mut impl Write, heartbeat: Duration) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let started = Instant::now();
    let mut child = command.spawn()?;
    // The command holds the pipe's writing ends; with them the lines would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (sender, lines) = mpsc::channel();
    thread::spawn(move || read_lines(reader, &sender));
    loop {
        match lines.recv_timeout(heartbeat) {
            Ok(line) => out.write_all(&harmless(&line))?,
            Err(RecvTimeoutError::Timeout) => {
                // Something that it left behind may hold the pipe, for ever.
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
                writeln!(out, "foresee: still running after {} s", started.elapsed().as_secs())?;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        out.flush()?;
    }
    child.wait()
}

/// Sends what comes out of the pipe, a line at a time, until its end.
fn read_lines(reader: PipeReader, lines: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let read = io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) || lines.send(line).is_err() {
            return;
        }
    }
}

/// The line as Nix can't take it for a message. A carriage return makes Nix write from the start of the line again, so
/// that a message could be put together of two pieces: it becomes a line break.
fn harmless(line: &[u8]) -> Vec<u8> {
    let mut harmless = Vec::with_capacity(line.len() + 1);
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    for (index, part) in text.split(|byte| *byte == b'\r').enumerate() {
        if index > 0 {
            harmless.push(b'\n');
        }
        if part.starts_with(b"@nix ") {
            harmless.push(b' ');
        }
        harmless.extend_from_slice(part);
    }
    harmless.push(b'\n');
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_messages() {
        assert_eq!(harmless(b"@nix {}\n"), b" @nix {}\n");
        assert_eq!(harmless(b"x@nix {}\r\n"), b"x@nix {}\n");
        assert_eq!(harmless(b"    x {}\r@nix\n"), b"    x {}\n@nix\n");
        assert_eq!(harmless(b"a\r@nix {}"), b"a\n @nix {}\n");
        assert_eq!(harmless(b"\n"), b"\n");
    }

    #[test]
    fn output_and_status_of_the_child_arrive_and_silence_is_filled() {
        let mut printed = Vec::new();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo one; echo '@nix {}' >&2; sleep 0.5; exit 7"]);
        let status = run(&mut command, &mut printed, Duration::from_millis(10)).unwrap();
        assert_eq!(status.code(), Some(7));
        let printed = String::from_utf8(printed).unwrap();
        let (beats, lines): (Vec<_>, Vec<_>) =
            printed.lines().partition(|line| line.starts_with("foresee: still running after "));
        assert_eq!(lines, ["one", " @nix {}"]);
        assert!(!beats.is_empty());
    }
}
