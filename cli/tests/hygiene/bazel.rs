//! What Bazel tells a test by its environment (<https://bazel.build/reference/test-encyclopedia>).

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::{assert_gone, files, processes_with, unique_sleep, until};
use crate::support::{PATH, Place};

/// foresee as Bazel runs a test, with further variables.
fn bazel(place: &Place, vars: &[(&str, &str)]) -> Command {
    let dir = |name: &str| {
        let dir = place.cwd().join(name);
        fs::create_dir_all(&dir).expect("a writable directory");
        dir
    };
    let mut command = place.foresee(&["run", "--isolation", "none", "test.yml"]);
    command
        .env("TEST_SRCDIR", dir("runfiles"))
        .env("TEST_TMPDIR", dir("scratch"))
        .env("TEST_UNDECLARED_OUTPUTS_DIR", dir("outputs"))
        .env("XML_OUTPUT_FILE", place.cwd().join("test.xml"))
        .env("TEST_INFRASTRUCTURE_FAILURE_FILE", place.cwd().join("infrastructure"))
        .env("TEST_PREMATURE_EXIT_FILE", place.cwd().join("premature"))
        .envs(vars.iter().copied());
    command
}

fn run(place: &Place, vars: &[(&str, &str)]) -> Output {
    bazel(place, vars).output().expect("foresee can be executed")
}

const TWO: &str = "test_a:\n  - run: ['true']\ntest_b:\n  - run: ['true']\n";

#[test]
fn a_test_that_holds_leaves_its_xml_and_nothing_else() {
    let place = Place::with_manifest(TWO);
    let output = run(&place, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(place.read("test.xml").contains(r#"name="test.yml :: test_a""#));
    for dir in ["outputs", "scratch"] {
        assert_eq!(files(&place.cwd().join(dir)).len(), 0, "{dir}");
    }
    assert!(!place.cwd().join("infrastructure").exists() && !place.cwd().join("premature").exists());
    assert!(!place.cwd().join("foresee-out").exists());
}

#[test]
fn a_test_that_fails_leaves_its_logs_in_the_undeclared_outputs() {
    let place = Place::with_manifest("test_a:\n  - run: [sh, -c, 'echo why; exit 1']\n");
    let output = run(&place, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.read("outputs/failed/test.test_a/sh.stdout.txt"), "why\n");
    assert!(place.cwd().join("outputs/results.json").exists() && !place.cwd().join("outputs/junit.xml").exists());
    assert!(place.read("test.xml").contains("unexpected-status"));
}

#[test]
fn shards_are_bazels() {
    let place = Place::with_manifest(TWO);
    let status = place.cwd().join("shard-status").display().to_string();
    let mut seen = Vec::new();
    for index in ["0", "1", "2"] {
        let vars =
            [("TEST_TOTAL_SHARDS", "3"), ("TEST_SHARD_INDEX", index), ("TEST_SHARD_STATUS_FILE", status.as_str())];
        let output = run(&place, &vars);
        assert_eq!(output.status.code(), Some(0), "a shard without cases is no failure");
        assert!(PathBuf::from(&status).exists());
        fs::remove_file(&status).expect("it is there");
        let xml = place.read("test.xml");
        seen.extend(["test_a", "test_b"].into_iter().filter(|case| xml.contains(&format!(":: {case}\""))));
    }
    assert_eq!(seen, ["test_a", "test_b"]);
}

#[test]
fn the_filter_is_bazels() {
    let place = Place::with_manifest(TWO);
    assert_eq!(run(&place, &[("TESTBRIDGE_TEST_ONLY", "test_b")]).status.code(), Some(0));
    let xml = place.read("test.xml");
    assert!(xml.contains(":: test_b\"") && !xml.contains(":: test_a\""), "{xml}");
    let output = run(&place, &[("TESTBRIDGE_TEST_ONLY", "(")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--test_filter"));
}

#[test]
fn fail_fast_is_bazels() {
    let place = Place::with_manifest("test_a:\n  - run: ['false']\ntest_b:\n  - run: ['true']\n");
    run(&place, &[("TESTBRIDGE_TEST_RUNNER_FAIL_FAST", "1")]);
    assert!(place.read("outputs/results.json").contains("--fail-fast"));
}

#[test]
fn a_report_is_written_before_bazel_loses_its_patience() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!("timeout: 1000s\ntest_a:\n  - run: [sleep, '{sleep}']\n"));
    let output = run(&place, &[("TEST_TIMEOUT", "1")]);
    assert_eq!(output.status.code(), Some(1));
    let xml = place.read("test.xml");
    assert!(xml.contains(r#"type="timeout""#) && xml.contains("deadline"), "{xml}");
    assert_gone(&sleep);
}

#[test]
fn the_premature_exit_file_is_there_as_long_as_the_test_runs() {
    let sleep = unique_sleep(3000);
    let place = Place::with_manifest(&format!("test_a:\n  - run: [sleep, '{sleep}']\n"));
    let mut foresee = bazel(&place, &[]).stdout(std::process::Stdio::null()).spawn().expect("foresee");
    until("the case runs", || !processes_with(&sleep).is_empty());
    assert!(place.cwd().join("premature").exists());
    foresee.kill().expect("it can be killed");
    foresee.wait().expect("it has ended");
    assert!(place.cwd().join("premature").exists(), "Bazel must see that the test did not end by itself");
    until("nothing is left", || processes_with(&sleep).is_empty());
    assert_eq!(run(&Place::with_manifest(TWO), &[]).status.code(), Some(0));
}

#[test]
fn bazel_is_told_when_the_machine_is_at_fault() {
    let place = Place::with_manifest("sandbox: {require: [network]}\ntest_a:\n  - run: ['true']\n");
    let output = run(&place, &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(place.read("test.xml").contains("sandbox-unavailable"));
    let told = place.read("infrastructure");
    assert!(told.starts_with("foresee\n") && told.lines().count() == 2, "{told}");
}

#[test]
fn under_another_name_foresee_runs_the_manifest_beside_it() {
    let place = Place::new();
    let program = place.cwd().join("shop_test");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_foresee"), &program).expect("a link");
    place.write("shop_test.foresee.json", r#"{"test_a": [{"run": ["true"]}], "test_b": [{"run": ["false"]}]}"#);
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        let command = command.args(args).current_dir(place.cwd()).env_clear().env("PATH", PATH);
        command.env("TMPDIR", place.tmp()).output().expect("foresee can be executed").status.code()
    };
    let absolute = program.display().to_string();
    for name in ["./shop_test", absolute.as_str()] {
        assert_eq!(run(name, &["--isolation", "none"]), Some(1));
        assert!(place.verdicts().contains("passed  shop_test.foresee.json :: test_a :: lifecycle\n"));
    }
    assert_eq!(run("./shop_test", &["--isolation", "none", "--filter", "test_a"]), Some(0));
}
