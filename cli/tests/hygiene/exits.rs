//! Exits, and what outlives them.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;

use super::{assert_gone, children, processes_with, run, state, unique_sleep, until};
use crate::support::Place;

#[test]
fn a_grandchild_that_holds_stdout_keeps_nobody_waiting() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!(
        "sandbox: {{orphans: reap}}
test_it:
  - run: [sh, -c, 'sleep {sleep} & echo hi']
    assert_stdout: hi
"
    ));
    let (code, told) = run(&place, &["--keep-logs", "always"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(place.read("foresee-out/failed/test.test_it/sh.stdout.txt"), "hi\n");
    assert_gone(&sleep);
}

#[test]
fn a_daemon_that_forks_twice_is_orphaned_and_does_not_survive() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!(
        "test_it:
  - run: [sh, -c, '(setsid sh -c \"trap \\\"\\\" TERM HUP; sleep {sleep} & wait\" &) & exit 0']
"
    ));
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 1, "{told}");
    assert_eq!(
        place.verdicts(),
        "failure orphaned  test.yml :: test_it :: lifecycle\npassed  test.yml :: test_it :: run sh: status\n"
    );
    assert_gone(&sleep);
    assert!(place.is_clean());
}

#[test]
fn a_daemon_that_may_be_reaped_does_not_survive_either() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!(
        "sandbox: {{orphans: reap}}
test_it:
  - run: [sh, -c, '(setsid sleep {sleep} &) & exit 0']
"
    ));
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
    assert_gone(&sleep);
}

#[test]
fn an_exit_that_races_with_a_kill_has_a_defined_verdict() {
    let place = Place::with_manifest(
        "test_at_once:
  - spawn: ['true']
  - kill: {'true': [0, SIGTERM]}
test_a_little_later:
  - spawn: ['true']
  - spawn: [sleep, '100']
  - kill: {'true': SIGTERM}
  - kill: sleep
test_together:
  - spawn: ['true']
  - spawn: ['false']
  - kill: {'true': [0, SIGTERM], 'false': [1, SIGTERM]}
test_later:
  - spawn: {as: quick, argv: ['true']}
  - spawnPar: [[sleep, '100'], [sleep, '100'], [sleep, '100']]
  - kill: {quick: [0, SIGTERM]}
  - kill: [sleep, sleep-1, sleep-2]
",
    );
    run(&place, &["--repeat", "500", "--keep-logs", "never", "--jobs", "3"]);
    let results = place.results();
    let suites = results["suites"].as_array().expect("suites");
    assert_eq!(suites.len(), 2000);
    for suite in suites {
        for test in suite["tests"].as_array().expect("tests") {
            let kind = test["problem"]["type"].as_str();
            assert!(matches!(kind, None | Some("unexpected-exit" | "unexpected-status")), "{test}");
        }
    }
    assert!(place.is_clean());
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_after_its_grace() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!(
        "test_it:
  - spawn:
      argv: [sh, -c, 'trap \"\" TERM; echo ready; sleep {sleep}']
      ready: {{log: ready}}
  - kill: sh
    grace: 200ms
"
    ));
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 1, "{told}");
    assert_eq!(
        place.verdicts(),
        "skipped  test.yml :: test_it :: lifecycle\nfailure timeout  test.yml :: test_it :: kill sh: status\n"
    );
    assert!(told.contains("did not end within 200ms of SIGTERM, and was killed"), "{told}");
    assert_gone(&sleep);
}

#[test]
fn a_stopped_child_can_be_killed_once_it_goes_on() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!(
        "test_goes_on:
  - spawn: [sleep, '{sleep}']
  - signal: {{sleep: SIGSTOP}}
  - run: ['true']
  - signal: {{sleep: SIGCONT}}
  - kill: sleep
test_stays_stopped:
  - spawn:
      argv: [sh, -c, 'trap \"exit 0\" TERM; echo ready; sleep {sleep}']
      ready: {{log: ready}}
  - signal: {{sh: SIGSTOP}}
  - kill: {{sh: 0}}
    timeout: 300ms
"
    ));
    let (code, told) = run(&place, &["--jobs", "1"]);
    assert_eq!(code, 1, "{told}");
    assert_eq!(
        place.verdicts(),
        "passed  test.yml :: test_goes_on :: lifecycle
passed  test.yml :: test_goes_on :: run true: status
passed  test.yml :: test_goes_on :: kill sleep: status
skipped  test.yml :: test_stays_stopped :: lifecycle
failure timeout  test.yml :: test_stays_stopped :: kill sh: status
"
    );
    assert_gone(&sleep);
}

#[test]
fn three_hundred_processes_run_at_once() {
    let mut manifest = String::from("test_it:\n  - spawnPar:\n");
    manifest.push_str(&"      - [sh, -c, 'echo $$']\n".repeat(300));
    let names: Vec<_> = (0..300).map(|n| if n == 0 { "sh".into() } else { format!("sh-{n}") }).collect();
    manifest.push_str(&format!("  - waitPar: [{}]\n", names.join(", ")));
    let place = Place::with_manifest(&manifest);
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(place.results()["counts"]["tests"], 301);
}

#[test]
fn exits_that_came_in_time_count_however_late_the_runner_looks() {
    // More than one look of the runner takes in.
    const COUNT: usize = 200;
    let gate = tempfile::tempdir().expect("a directory");
    let gate = gate.path().join("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let token = unique_sleep(1);
    let mut manifest = String::from("test_it:\n  - spawnPar:\n");
    for n in 0..COUNT {
        manifest.push_str(&format!(
            "      - {{as: p{n}, argv: [sh, -c, 'read x < {}; exit 7', '{token}']}}\n",
            gate.display()
        ));
    }
    let names: Vec<_> = (0..COUNT).map(|n| format!("p{n}: 7")).collect();
    manifest.push_str(&format!("  - waitPar: {{{}}}\n    timeout: 5s\n", names.join(", ")));
    let place = Place::with_manifest(&manifest);
    let foresee = place.foresee(&["run", "--isolation", "none"]).spawn().expect("foresee");
    until("all are there", || processes_with(&token).len() == COUNT);
    let zygote = children(foresee.id().cast_signed());
    let executor = children(zygote[0]);
    super::signals::send(executor[0], "STOP");
    until("the executor has stopped", || state(executor[0]) == Some('T'));
    // All of them have the fifo open by now, or will; a writer that comes and goes lets all of them go on.
    until("all have ended", || {
        let _ = fs::OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&gate);
        children(executor[0]).iter().all(|pid| state(*pid) == Some('Z'))
    });
    std::thread::sleep(std::time::Duration::from_secs(5));
    super::signals::send(executor[0], "CONT");
    let output = foresee.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", place.verdicts());
}

#[test]
fn a_helper_that_ends_at_once_is_seen() {
    let place = Place::with_manifest(
        "test_it:
  - spawn: [sleep, '100']
  - ready: {sleep: {exec: ['true']}}
    timeout: 20s
  - ready: {sleep: {exec: [sh, -c, 'test -e there || { touch there; exit 1; }']}}
    timeout: 20s
  - kill: sleep
test_orphans_come_and_go:
  - spawn: {as: busy, argv: [sh, -c, 'while :; do (true &); done']}
  - ready: {busy: {exec: ['true']}}
    timeout: 20s
  - kill: busy
",
    );
    let (code, told) = run(&place, &["--repeat", "40", "--jobs", "2"]);
    assert_eq!(code, 0, "{told}");
}
