//! Which cases run, how often, and what stays of them.

use std::collections::HashSet;

use super::{files, run};
use crate::support::Place;

const FIVE: &str = "test_a:
  - run: ['true']
test_b:
  - run: ['false']
test_c:
  - run: ['true']
test_d:
  - run: ['false']
test_e:
  - run: ['true']
";

/// The suites of the last run, in order.
fn suites(place: &Place) -> Vec<String> {
    let results = place.results();
    let name = |suite: &serde_json::Value| suite["name"].as_str().unwrap_or_default().to_owned();
    results["suites"].as_array().into_iter().flatten().map(name).collect()
}

#[test]
fn a_filter_chooses_by_file_and_case() {
    let place = Place::with_manifest(FIVE);
    assert_eq!(run(&place, &["--filter", "test_[ac]$"]).0, 0);
    assert_eq!(suites(&place), ["test.yml :: test_a", "test.yml :: test_c"]);
    assert_eq!(run(&place, &["--filter", "^test.yml :: test_e"]).0, 0);
    assert_eq!(suites(&place), ["test.yml :: test_e"]);
    // What leaves nothing is no error.
    assert_eq!(run(&place, &["--filter", "nothing is called so"]).0, 0);
    assert_eq!(suites(&place), Vec::<String>::new());
    assert_eq!(run(&place, &["--filter", "("]).0, 2);
}

#[test]
fn shards_have_every_case_once() {
    let place = Place::with_manifest(FIVE);
    let mut all = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        run(&place, &["--shard", shard]);
        all.extend(suites(&place));
    }
    assert_eq!(all.len(), 5);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 5);
    assert_eq!(run(&place, &["--shard", "6/6"]).0, 0);
    assert_eq!(run(&place, &["--shard", "0/3"]).0, 2);
    assert_eq!(run(&place, &["--shard", "4/3"]).0, 2);
}

#[test]
fn load_errors_show_in_every_shard() {
    let place = Place::with_manifest(FIVE);
    place.write("test_broken.yml", "test_it:\n  - wait: nobody\n");
    for shard in ["1/2", "2/2"] {
        let (code, told) = run(&place, &["--shard", shard]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains("test_broken.yml:2:11"), "{told}");
        assert!(place.verdicts().contains("error manifest  test_broken.yml :: load"));
    }
}

#[test]
fn fail_fast_begins_nothing_after_a_failure() {
    let place = Place::with_manifest(FIVE);
    let (code, _) = run(&place, &["--fail-fast", "--jobs", "1"]);
    assert_eq!(code, 1);
    assert_eq!(
        place.verdicts(),
        "passed  test.yml :: test_a :: lifecycle
passed  test.yml :: test_a :: run true: status
skipped  test.yml :: test_b :: lifecycle
failure unexpected-status  test.yml :: test_b :: run false: status
skipped  test.yml :: test_c :: lifecycle
skipped  test.yml :: test_c :: run true: status
skipped  test.yml :: test_d :: lifecycle
skipped  test.yml :: test_d :: run false: status
skipped  test.yml :: test_e :: lifecycle
skipped  test.yml :: test_e :: run true: status
"
    );
}

#[test]
fn repetitions_have_names_of_their_own() {
    let place = Place::with_manifest("test_a:\n  - run: ['true']\n");
    assert_eq!(run(&place, &["--repeat", "3"]).0, 0);
    let expected = ["test.yml :: test_a (run 1)", "test.yml :: test_a (run 2)", "test.yml :: test_a (run 3)"];
    assert_eq!(suites(&place), expected);
    assert!(place.read("foresee-out/junit.xml").contains(r#"classname="test.test_a (run 2)""#));
}

/// Fails until a file outside of the case's own directories exists, and makes it.
fn flaky() -> Place {
    let place = Place::new();
    let mark = place.cwd().join("been-here");
    place.write(
        "test.yml",
        format!(
            "test_flaky:
  - run: [sh, -c, 'echo tried; test -e \"$0\" || {{ touch \"$0\"; exit 5; }}', '{}']
test_never:
  - run: ['false']
",
            mark.display()
        ),
    );
    place
}

#[test]
fn a_case_that_fails_and_then_holds_is_flaky() {
    let place = flaky();
    let (code, told) = run(&place, &["--attempts", "3", "--jobs", "1"]);
    assert_eq!(code, 1, "{told}");
    let results = place.results();
    let (flaky, never) = (&results["suites"][0], &results["suites"][1]);
    assert_eq!((flaky["flaky"].as_bool(), flaky["attempts"].as_u64()), (Some(true), Some(2)));
    assert_eq!((never["flaky"].as_bool(), never["attempts"].as_u64()), (Some(false), Some(3)));
    assert!(place.verdicts().starts_with("passed  test.yml :: test_flaky :: lifecycle\n"));
    let xml = place.read("foresee-out/junit.xml");
    assert_eq!((xml.matches("<flakyFailure").count(), xml.matches("<rerunFailure").count()), (1, 2));
    assert!(told.contains("FLAKY") && told.contains("exited with 5"), "{told}");
    // A case that held in the end keeps no logs.
    assert!(files(&place.cwd().join("foresee-out/failed")).iter().all(|file| !file.contains("test_flaky")));
}

#[test]
fn attempts_may_be_written_in_the_manifest() {
    let place = Place::with_manifest("attempts: 4\ntest_it:\n  - run: ['false']\n");
    run(&place, &[]);
    assert_eq!(place.results()["suites"][0]["attempts"], 4);
    run(&place, &["--attempts", "1"]);
    assert_eq!(place.results()["suites"][0]["attempts"], 1);
}

#[test]
fn logs_are_kept_as_asked() {
    let place = Place::with_manifest("test_good:\n  - run: [echo, good]\ntest_bad:\n  - run: ['false']\n");
    let kept = |which: &str| {
        run(&place, &["--keep-logs", which]);
        let mut kept: Vec<_> = files(&place.cwd().join("foresee-out")).into_iter().collect();
        kept.retain(|file| !file.starts_with("logs/"));
        kept.sort();
        kept
    };
    let bad = ["failed/test.test_bad/false.stderr.txt", "failed/test.test_bad/false.stdout.txt"];
    let good = ["failed/test.test_good/echo.stderr.txt", "failed/test.test_good/echo.stdout.txt"];
    let always = [&bad[..], &good[..], &["junit.xml", "logs.json", "results.json"]].concat();
    let failed = [&bad[..], &["junit.xml", "logs.json", "results.json"]].concat();
    assert_eq!(kept("always"), always);
    assert_eq!(kept("failed"), failed);
    assert_eq!(kept("never"), ["junit.xml", "results.json"]);
    assert!(!place.cwd().join("foresee-out/logs").exists());
}

#[test]
fn what_lies_in_the_output_directory_and_is_not_foresees_is_left_alone() {
    let place = Place::with_manifest(FIVE);
    std::fs::create_dir_all(place.cwd().join("foresee-out/failed")).expect("a directory");
    place.write("foresee-out/failed/mine.txt", "mine");
    place.write("foresee-out/other.txt", "other");
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("is not of an earlier run"), "{told}");
    assert_eq!(place.read("foresee-out/failed/mine.txt"), "mine");
    assert_eq!(place.read("foresee-out/other.txt"), "other");
    assert!(place.is_clean());
}

#[test]
fn two_stable_runs_are_the_same_to_the_byte() {
    let place = Place::with_manifest(
        "test_it:
  - run: {argv: [sh, -c, 'echo $$ ${port} ${dir} $TMPDIR; exit 1'], listen: http}
test_good:
  - run: ['true']
",
    );
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (_, told) = run(&place, &["--stable", "--jobs", "2"]);
        let files: std::collections::BTreeSet<_> = files(&place.cwd().join("foresee-out")).into_iter().collect();
        let contents: Vec<_> =
            files.iter().map(|name| (name.clone(), place.read(&format!("foresee-out/{name}")))).collect();
        runs.push((told, contents));
    }
    assert_eq!(runs[0], runs[1]);
    let log = place.read("foresee-out/failed/test.test_it/sh.stdout.txt");
    assert!(log.starts_with("PID PORT "), "{log}");
}
