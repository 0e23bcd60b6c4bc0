//! What is printed on a terminal, and what where there is none. `script` makes the terminal.

use crate::support::Place;
use crate::tools::{output_of, tool};

const PLANS: &str = "\
test_holds:
  - run: 'true'
test_slow:
  - run: [sleep, '0.2']
test_fails:
  - run: [printf, '\\033]0;evil\\007\\033[2Jclear']
    assert_stdout: plain
";

/// What a terminal gets to see of a run.
fn on_terminal(env: &[(&str, &str)]) -> String {
    let place = Place::with_manifest(PLANS);
    let command = format!("{} run --isolation none --jobs 1", env!("CARGO_BIN_EXE_foresee"));
    output_of(
        tool("script")
            .args(["--quiet", "--command", &command, "/dev/null"])
            .current_dir(place.cwd())
            .env("TMPDIR", place.tmp())
            .env("SHELL", "/bin/sh")
            .envs(env.iter().copied())
            .stdin(std::process::Stdio::null()),
    )
}

#[test]
fn a_terminal_gets_colours_and_progress() {
    let shown = on_terminal(&[("TERM", "xterm")]);
    assert!(shown.contains("\x1b[1m\x1b[32mok   \x1b[0m test.yml :: test_holds"), "{shown:?}");
    assert!(shown.contains("\x1b[1m\x1b[31mFAIL \x1b[0m test.yml :: test_fails"), "{shown:?}");
    // The line that tells what runs now is drawn once, and overwritten.
    assert_eq!(shown.matches("\x1b[2m1/3  test_slow\x1b[0m\r").count(), 1, "{shown:?}");
}

#[test]
fn programs_do_not_get_at_the_terminal() {
    let shown = on_terminal(&[("TERM", "xterm")]);
    assert!(shown.contains("| clear"), "{shown:?}");
    assert!(!shown.contains("\x1b]") && !shown.contains("\x1b[2J"), "{shown:?}");
}

#[test]
fn no_color_means_no_escapes() {
    let shown = on_terminal(&[("TERM", "xterm"), ("NO_COLOR", "1")]);
    assert!(shown.contains("1/3  test_slow\r"), "{shown:?}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    let dumb = on_terminal(&[("TERM", "dumb")]);
    assert!(!dumb.contains('\x1b') && !dumb.contains("1/3"), "{dumb:?}");
}

#[test]
fn a_pipe_gets_plain_lines() {
    let place = Place::with_manifest(PLANS);
    let output = place.foresee(&["run", "--isolation", "none"]).env("TERM", "xterm").output().expect("foresee runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.starts_with("ok    test.yml :: test_holds  2 checks, 0."), "{shown:?}");
    assert!(!shown.contains(['\x1b', '\r']) && !shown.contains("\n\n\n") && !shown.ends_with("\n\n"), "{shown:?}");
}
