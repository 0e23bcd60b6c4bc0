//! Signals to foresee itself.

use std::process::{Child, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{assert_gone, children, processes_with, state, unique_sleep, until};
use crate::support::Place;

/// Sends a signal by its name without `SIG`.
pub(super) fn send(to: i32, signal: &str) {
    let signal: Signal = format!("SIG{signal}").parse().expect("a signal");
    kill(Pid::from_raw(to), signal).expect("the process is there");
}

/// foresee with a case that runs, and one that is still to come.
fn interruptible() -> (Place, String, Child) {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!(
        "timeout: 1000s
test_done:
  - run: ['true']
test_running:
  - spawn: [sh, -c, 'trap \"\" TERM INT; echo started; sleep {sleep} & wait']
  - wait: sh
test_to_come:
  - run: ['true']
"
    ));
    let mut command = place.foresee(&["run", "--isolation", "none", "--jobs", "1"]);
    let foresee = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("foresee");
    until("the case runs", || processes_with(&sleep).len() == 2);
    (place, sleep, foresee)
}

fn end(foresee: Child) -> Output {
    foresee.wait_with_output().expect("it ends")
}

const INTERRUPTED: &str = "passed  test.yml :: test_done :: lifecycle
passed  test.yml :: test_done :: run true: status
error interrupted  test.yml :: test_running :: lifecycle
skipped  test.yml :: test_running :: wait sh: status
skipped  test.yml :: test_to_come :: lifecycle
skipped  test.yml :: test_to_come :: run true: status
";

fn ends_in_order(signal: &str, code: i32) {
    let (place, sleep, foresee) = interruptible();
    send(foresee.id().cast_signed(), signal);
    let output = end(foresee);
    assert_eq!(output.status.code(), Some(code));
    assert_eq!(place.verdicts(), INTERRUPTED);
    assert!(place.read("foresee-out/junit.xml").contains("interrupted"));
    assert_gone(&sleep);
    assert!(place.is_clean());
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("started"), "the logs of what was running are shown: {told}");
}

#[test]
fn sigterm_ends_a_run_with_a_report() {
    ends_in_order("TERM", 143);
}

#[test]
fn sigint_ends_a_run_with_a_report() {
    ends_in_order("INT", 130);
}

#[test]
fn sighup_ends_a_run_with_a_report() {
    ends_in_order("HUP", 129);
}

#[test]
fn a_second_sigint_ends_a_run_that_the_first_could_not_end() {
    let (place, sleep, foresee) = interruptible();
    let pid = foresee.id().cast_signed();
    let executor = children(children(pid)[0])[0];
    send(executor, "STOP");
    until("the executor has stopped", || state(executor) == Some('T'));
    send(pid, "INT");
    send(pid, "INT");
    let output = end(foresee);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(place.verdicts(), INTERRUPTED);
    assert_gone(&sleep);
    assert!(place.is_clean());
}

#[test]
fn a_signal_that_the_caller_ignores_is_ignored() {
    let sleep = unique_sleep(1);
    let place = Place::with_manifest(&format!("test_it:\n  - run: [sleep, '{sleep}']\n"));
    let foresee = format!("trap '' INT HUP; exec {} run --isolation none", env!("CARGO_BIN_EXE_foresee"));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &foresee]).current_dir(place.cwd()).env("TMPDIR", place.tmp());
    let foresee = command.stdout(Stdio::piped()).spawn().expect("foresee");
    until("the case runs", || !processes_with(&sleep).is_empty());
    let pid = foresee.id().cast_signed();
    send(pid, "INT");
    send(pid, "HUP");
    let output = end(foresee);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}
