//! Kept logs: what is in the output directory, who can read it, and whose it is.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Output;

use crate::support::Place;
use crate::tools::{output_of, tool};

/// A case that fails, one that fails with the same output, and one that holds.
const PLANS: &str = "\
test_fails:
  - run: [sh, -c, 'seq 3; echo no >&2; exit 1']
test_fails_alike:
  - run: [sh, -c, 'seq 3; exit 2']
test_holds:
  - run: [echo, gone]
";

fn failed_run(args: &[&str]) -> Place {
    let place = Place::with_manifest(PLANS);
    assert_eq!(run(&place, args).status.code(), Some(1));
    place
}

fn run(place: &Place, args: &[&str]) -> Output {
    place.run(&[&["run", "--isolation", "none", "test.yml"], args].concat())
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn index(place: &Place) -> serde_json::Value {
    serde_json::from_str(&place.read("foresee-out/logs.json")).expect("logs.json is JSON")
}

/// The blob of a log, by its path in the view.
fn blob(place: &Place, path: &str) -> PathBuf {
    let index = index(place);
    let logs = index["logs"].as_array().expect("logs");
    let log = logs.iter().find(|log| log["path"] == path).expect("the log is in the index");
    let digest = log["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
    place.cwd().join("foresee-out/logs/blobs/sha256").join(digest)
}

#[test]
fn logs_of_failed_cases_are_kept_once_and_indexed() {
    let place = failed_run(&[]);
    let index = index(&place);
    let logs = index["logs"].as_array().expect("logs");
    let paths: Vec<_> = logs.iter().filter_map(|log| log["path"].as_str()).collect();
    let below = |case: &str| ["stdout", "stderr"].map(|stream| format!("failed/test.{case}/sh.{stream}.txt"));
    assert_eq!(paths, [below("test_fails"), below("test_fails_alike")].concat());
    let first = &logs[0];
    assert_eq!(first["suite"], "test.yml :: test_fails");
    assert_eq!(first["classname"], "test.test_fails");
    assert_eq!((&first["process"], &first["stream"]), (&"sh".into(), &"stdout".into()));
    assert_eq!((&first["size"], &first["lines"]), (&6.into(), &3.into()));
    assert_eq!(first["exit"]["code"], 1);
    assert_eq!(first["digest"], logs[2]["digest"], "equal logs are one blob");
    // The blob and its two names in the view are one file.
    assert_eq!(fs::metadata(blob(&place, paths[0])).expect("the blob").nlink(), 3);
    assert_eq!(place.read("foresee-out/failed/test.test_fails/sh.stdout.txt"), "1\n2\n3\n");
}

#[test]
fn sha256sum_and_skopeo_agree_with_the_layout() {
    let place = failed_run(&["--keep-logs", "always"]);
    let check = "cd foresee-out/logs/blobs/sha256 && for f in *; do echo \"$f  $f\"; done | sha256sum --check --strict";
    let checked = output_of(tool("sh").args(["-c", check]).current_dir(place.cwd()));
    // Logs with "123", "no", "gone" and nothing; a manifest and its configuration.
    assert_eq!(checked.lines().filter(|line| line.ends_with(": OK")).count(), 6, "{checked}");
    let skopeo = |args: &[&str]| {
        output_of(
            tool("skopeo").args(["--insecure-policy"]).args(args).env("HOME", place.tmp()).current_dir(place.cwd()),
        )
    };
    let inspected: serde_json::Value =
        serde_json::from_str(&skopeo(&["inspect", "oci:foresee-out/logs:run"])).expect("skopeo prints JSON");
    assert_eq!(inspected["Layers"].as_array().map(Vec::len), Some(4), "{inspected}");
    skopeo(&["copy", "oci:foresee-out/logs:run", "oci:copy:run"]);
    for log in index(&place)["logs"].as_array().expect("logs") {
        let original = blob(&place, log["path"].as_str().expect("a path"));
        let copy = place.cwd().join("copy/blobs/sha256").join(original.file_name().expect("a digest"));
        assert_eq!(fs::read(original).expect("the blob"), fs::read(copy).expect("its copy"));
    }
}

#[test]
fn logs_are_listed_and_printed() {
    let place = failed_run(&[]);
    let listed = stdout(&place.run(&["logs", "ls"]));
    let lines: Vec<Vec<_>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert_eq!(lines[0][1..], ["6", "test.test_fails/sh.stdout"]);
    // By digest, by name, by the end of the name where it is unique; equal logs are no ambiguity.
    for which in [lines[0][0], "test.test_fails/sh.stdout", "sh.stdout", "test.test_fails_alike/sh.stdout"] {
        let cat = place.run(&["logs", "cat", which]);
        assert_eq!((cat.status.code(), stdout(&cat).as_str()), (Some(0), "1\n2\n3\n"), "{which}");
    }
    let ambiguous = place.run(&["logs", "cat", "sh.stderr"]);
    assert_eq!(ambiguous.status.code(), Some(2));
    assert!(
        stderr(&ambiguous).contains("may be any of these:\n  test.test_fails/sh.stderr\n"),
        "{}",
        stderr(&ambiguous)
    );
    let unknown = place.run(&["logs", "cat", "server.stdout"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no kept log is `server.stdout`"), "{}", stderr(&unknown));
}

#[test]
fn verify_finds_altered_and_missing_blobs() {
    let place = failed_run(&[]);
    let verify = || place.run(&["logs", "verify"]);
    assert_eq!((verify().status.code(), stdout(&verify())), (Some(0), "5 blobs, 0 wrong\n".into()));
    let altered = blob(&place, "failed/test.test_fails/sh.stderr.txt");
    fs::write(&altered, "yes\n").expect("a writable blob");
    let missing = blob(&place, "failed/test.test_fails/sh.stdout.txt");
    fs::remove_file(&missing).expect("the blob");
    let verified = verify();
    assert_eq!(verified.status.code(), Some(1));
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let said = stdout(&verified);
    assert!(said.contains(&format!("{}: altered", name(&altered))), "{said}");
    assert!(said.contains(&format!("{}: missing, failed/test.test_fails/sh.stdout.txt", name(&missing))), "{said}");
    assert!(said.ends_with("4 blobs, 3 wrong\n"), "{said}");
    let cat = place.run(&["logs", "cat", "test.test_fails/sh.stdout"]);
    assert_eq!(cat.status.code(), Some(2));
    assert!(stderr(&cat).contains(&name(&missing)), "{}", stderr(&cat));
}

#[test]
fn gc_removes_what_the_view_no_longer_has() {
    let place = failed_run(&[]);
    fs::remove_dir_all(place.cwd().join("foresee-out/failed/test.test_fails")).expect("the view");
    // The log of the other case stays, though it has the same bytes as one that goes.
    let kept = blob(&place, "failed/test.test_fails_alike/sh.stdout.txt");
    let collected = place.run(&["logs", "gc"]);
    assert_eq!(collected.status.code(), Some(0));
    assert!(kept.is_file());
    assert_eq!(index(&place)["logs"].as_array().map(Vec::len), Some(2));
    assert_eq!(stdout(&place.run(&["logs", "verify"])), "4 blobs, 0 wrong\n");
    assert!(stdout(&place.run(&["logs", "gc"])).starts_with("removed 0 blobs"));
}

#[test]
fn a_run_replaces_an_earlier_one_and_nothing_else() {
    let place = failed_run(&[]);
    place.write("foresee-out/mine.txt", "mine");
    place.write("test.yml", "test_holds:\n  - run: 'true'\n");
    assert_eq!(run(&place, &[]).status.code(), Some(0));
    let mut left: Vec<_> = fs::read_dir(place.cwd().join("foresee-out"))
        .expect("the output directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["junit.xml", "mine.txt", "results.json"]);
    assert_eq!(place.results()["counts"]["suites"], 1);
    for args in [["logs", "ls"], ["logs", "verify"], ["logs", "gc"]] {
        let output = place.run(&args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("no logs are kept in `foresee-out`"), "{}", stderr(&output));
    }
}

#[test]
fn what_is_not_ours_in_the_output_directory_is_left_alone() {
    for (dir, file, text) in [("logs", "logs/mine", "x"), ("failed", "failed/mine", "x"), ("", "logs.json", "[1]")] {
        let place = Place::with_manifest(PLANS);
        fs::create_dir_all(place.cwd().join("foresee-out").join(dir)).expect("a directory");
        place.write(&format!("foresee-out/{file}"), text);
        place.write("foresee-out/junit.xml", "of another run");
        let output = run(&place, &[]);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("is not of an earlier run; move it away, or choose another --output-dir"), "{said}");
        assert_eq!(place.read(&format!("foresee-out/{file}")), text);
        assert_eq!(place.read("foresee-out/junit.xml"), "of another run");
        assert!(place.is_clean());
    }
}

#[test]
fn bazels_output_directory_stays_empty_when_everything_held() {
    let place = Place::with_manifest(PLANS);
    fs::create_dir(place.cwd().join("outputs")).expect("a directory");
    let run = |args: &[&str]| {
        let mut command = place.foresee(&[&["run", "--isolation", "none", "test.yml"], args].concat());
        command.env("TEST_UNDECLARED_OUTPUTS_DIR", "outputs").env("XML_OUTPUT_FILE", "test.xml");
        command.output().expect("foresee can be executed").status.code()
    };
    let outputs = || fs::read_dir(place.cwd().join("outputs")).expect("a directory").count();
    assert_eq!((run(&["--filter", "test_holds"]), outputs()), (Some(0), 0));
    assert!(place.read("test.xml").contains("test_holds"));
    assert_eq!((run(&[]), outputs()), (Some(1), 4), "results.json, logs.json, logs and failed");
    assert_eq!((run(&["--filter", "test_holds"]), outputs()), (Some(0), 0), "what failed before is removed");
    assert_eq!((run(&["--filter", "test_holds", "--keep-logs", "always"]), outputs()), (Some(0), 4));
}

#[test]
fn keep_logs_says_what_is_kept() {
    let place = failed_run(&["--keep-logs", "never"]);
    assert!(!place.cwd().join("foresee-out/logs").exists() && !place.cwd().join("foresee-out/failed").exists());
    let all = failed_run(&["--keep-logs", "always"]);
    assert_eq!(all.read("foresee-out/failed/test.test_holds/echo.stdout.txt"), "gone\n");
}
