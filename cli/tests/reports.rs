//! Reports, as their readers see them: Jenkins' schema, and the parser that dashboards use.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Place, copy_dir, repository};
use crate::tools::{installed, output_of, python, tool};

/// The cases of every kind of outcome, run; the exit status is that of the broken manifest among them.
fn zoo(args: &[&str]) -> Place {
    let place = Place::new();
    copy_dir(&repository().join("testdata/reports/zoo"), &place.cwd());
    let output = place.run(&[&["run", "--isolation", "none"], args].concat());
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    place
}

fn read_junit(place: &Place) -> Value {
    let read = output_of(python("read_junit.py").arg(place.cwd().join("foresee-out/junit.xml")));
    serde_json::from_str(&read).expect("read_junit.py prints JSON")
}

/// Checks a report against Jenkins' schema, which knows no `file` and `line` of a test case.
fn assert_valid(place: &Place) {
    let junit = place.read("foresee-out/junit.xml");
    let place_of_test = regex::Regex::new(r#"(<testcase [^>]*time="[^"]*") file="[^"]*" line="\d+""#).expect("a regex");
    let cases = junit.matches("<testcase ").count();
    assert_eq!(place_of_test.find_iter(&junit).count(), cases, "every test case has file and line:\n{junit}");
    place.write("strict.xml", place_of_test.replace_all(&junit, "$1").as_bytes());
    output_of(
        tool("xmllint")
            .args(["--nonet", "--noout", "--schema"])
            .arg(installed("junit-10.xsd"))
            .arg(place.cwd().join("strict.xml")),
    );
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value.as_array().into_iter().flatten().filter_map(|item| item[key].as_str()).collect()
}

#[test]
fn junit_is_valid_by_jenkins_schema() {
    assert_valid(&zoo(&[]));
    assert_valid(&zoo(&["--stable", "--repeat", "2", "--keep-logs", "always"]));
}

#[test]
fn junitparser_reads_what_results_json_says() {
    let place = zoo(&[]);
    let (junit, results) = (read_junit(&place), place.results());
    let mut counts = results["counts"].clone();
    counts.as_object_mut().expect("counts").retain(|key, _| !["suites", "flaky"].contains(&key.as_str()));
    // The root element has no number of skipped ones: Jenkins' schema does not allow it.
    assert_eq!(junit["counted"]["counts"], counts);
    for key in ["tests", "failures", "errors"] {
        assert_eq!(junit["told"]["counts"][key], counts[key], "{key}");
    }
    let mut read = junit["suites"].as_array().expect("suites").iter();
    let broken = read.next().expect("the broken manifest");
    assert_eq!(broken["name"], results["broken"][0]["file"]);
    assert_eq!(broken["cases"][0]["classname"], results["broken"][0]["classname"]);
    assert_eq!((&broken["cases"][0]["name"], &broken["cases"][0]["verdict"]), (&json!("load"), &json!("error")));
    let suites = results["suites"].as_array().expect("suites");
    assert_eq!(read.len(), suites.len());
    for (read, suite) in read.zip(suites) {
        assert_eq!(read["name"], suite["name"]);
        assert_eq!(texts(&read["cases"], "name"), texts(&suite["tests"], "name"), "{}", suite["name"]);
        assert_eq!(texts(&read["cases"], "verdict"), texts(&suite["tests"], "verdict"), "{}", suite["name"]);
        assert!(texts(&read["cases"], "classname").iter().all(|class| suite["classname"] == **class));
        assert_eq!(read["properties"]["isolation"], "none");
    }
}

#[test]
fn a_passed_test_case_has_no_children_and_a_failure_says_all_in_its_text() {
    let junit = read_junit(&zoo(&[]));
    let suites = junit["suites"].as_array().expect("suites");
    for case in suites.iter().flat_map(|suite| suite["cases"].as_array().expect("test cases")) {
        if case["verdict"] == "passed" {
            let flaky = case["flaky"].as_array().map_or(0, Vec::len);
            assert_eq!(case["children"], flaky, "{case}");
        }
        for result in case["results"].as_array().expect("results") {
            let (message, text) = (result[2].as_str().unwrap_or_default(), result[3].as_str().unwrap_or_default());
            assert!(text.contains(message), "{case}");
            assert!(text.chars().count() <= 8000, "{case}");
        }
    }
    let failed = case(&junit, "test_unexpected_status", "wait sh: status");
    let text = failed["results"][0][3].as_str().expect("a text");
    assert!(text.starts_with(" test_zoo.yml:10:11: `sh` exited with 3, not 0\n"), "{text}");
    for part in ["^^ it exited with 3", "| config missing", "| starting", "whole log: foresee-out/failed/"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let attachments: Vec<_> = failed["system_out"].as_str().expect("attachments").lines().collect();
    let at = "foresee-out/failed/test_zoo.test_unexpected_status";
    assert_eq!(attachments, ["stderr", "stdout"].map(|s| format!("[[ATTACHMENT|{at}/sh.{s}.txt]]")));
}

/// A test case of the report.
fn case<'a>(junit: &'a Value, suite: &str, name: &str) -> &'a Value {
    let suites = junit["suites"].as_array().expect("suites");
    let suite = suites.iter().find(|s| s["name"].as_str().is_some_and(|n| n.ends_with(suite))).expect("the suite");
    let cases = suite["cases"].as_array().expect("test cases");
    cases.iter().find(|case| case["name"] == name).unwrap_or_else(|| panic!("no {name} in {suite}"))
}

#[test]
fn attempts_are_told_beneath_the_last() {
    let junit = read_junit(&zoo(&[]));
    let flaky = case(&junit, "test_flaky", "second time lucky: status");
    assert_eq!(flaky["verdict"], "passed");
    assert_eq!(flaky["flaky"][0][0], "unexpected-status");
    assert!(flaky["flaky"][0][2].as_str().is_some_and(|trace| trace.contains("| the first time")), "{flaky}");
    let twice = case(&junit, "test_fails_twice", "run sh: assert_stderr");
    assert_eq!((&twice["verdict"], twice["rerun"].as_array().map(Vec::len)), (&json!("failure"), Some(1)));
    assert_eq!(twice["rerun"][0][0], "assertion");
}

#[test]
fn times_have_three_decimals_and_add_up() {
    let place = zoo(&[]);
    let xml = place.read("foresee-out/junit.xml");
    let times: Vec<_> = xml.split(" time=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
    let format = regex::Regex::new(r"^\d+\.\d{3}$").expect("a regex");
    assert!(times.len() > 30 && times.iter().all(|time| format.is_match(time)), "{times:?}");
    let junit = read_junit(&place);
    let millis = |value: &Value| (value.as_f64().expect("a time") * 1000.0).round() as u64;
    assert_eq!(millis(&junit["told"]["time"]), millis(&junit["counted"]["time"]));
    for suite in junit["suites"].as_array().expect("suites") {
        let cases = suite["cases"].as_array().expect("test cases");
        assert_eq!(millis(&suite["time"]), cases.iter().map(|case| millis(&case["time"])).sum::<u64>(), "{suite}");
    }
    // The time went to the wait that took it.
    assert!(millis(&case(&junit, "test_timeout", "wait sleep: status")["time"]) >= 100);
    assert_eq!(millis(&case(&junit, "test_timeout", "lifecycle")["time"]), 0);
}

#[test]
fn hostile_output_is_legal_in_reports_and_exact_in_logs() {
    let place = zoo(&[]);
    let junit = read_junit(&place);
    let hostile = case(&junit, "test_hostile", "<hostile> & \"quoted\" ]]> name: assert_stdout");
    let text = hostile["results"][0][3].as_str().expect("a text");
    assert!(text.contains("| red\u{fffd}]]>&<x>\"\u{fffd}\u{fffd}\n    | \u{fffd}\u{fffd}\u{fffd}end"), "{text}");
    let skipped = case(&junit, "test_skipped", "lifecycle");
    assert_eq!(skipped["results"][0][2], "needs <hardware> & \"patience\"");
    let log =
        fs::read(place.cwd().join("foresee-out/failed/test_zoo.test_hostile/printf.stdout.txt")).expect("the log");
    let printed = b"\x1b[1;31mred\x1b[0m\0]]>&<x>\"\xff\xfe\r\n\xef\xbf\xbe\xef\xbf\xbf\x0bend\n";
    assert_eq!(log, printed);
}

#[test]
fn two_stable_runs_are_the_same_to_the_byte() {
    let run = |jobs: &str| {
        let place = Place::new();
        copy_dir(&repository().join("testdata/reports/zoo"), &place.cwd());
        let output = place.run(&["run", "--isolation", "none", "--stable", "--jobs", jobs, "--keep-logs", "always"]);
        let mut files = vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
        read_all(&place.cwd().join("foresee-out"), &mut files);
        files
    };
    let (one, other) = (run("1"), run("4"));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for ((name, bytes), (_, others)) in one.iter().zip(&other) {
        let text = String::from_utf8_lossy;
        assert!(bytes == others, "{name}:\n{}\n--- and\n{}", text(bytes), text(others));
    }
    let varies = one.iter().find(|(name, _)| name.ends_with("server.stdout.txt")).expect("the log that varies");
    assert_eq!(String::from_utf8_lossy(&varies.1), "pid PID port PORT dir SANDBOX/work\n");
}

fn read_all(dir: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let mut paths: Vec<_> = fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_all(&path, files);
        } else {
            let name = path.display().to_string();
            let name = name.split("foresee-out/").last().unwrap_or_default().to_owned();
            files.push((name, fs::read(&path).expect("a file")));
        }
    }
}

#[test]
fn an_interrupted_run_reports_what_was_running() {
    let place = Place::with_manifest(
        "test_done:\n  - run: 'true'\ntest_running:\n  - spawn: [sh, -c, 'echo begun >&2; exec sleep 60']\n  - wait: sh\n\
         test_later:\n  - run: 'true'\n",
    );
    let mut command = place.foresee(&["run", "--isolation", "none", "--jobs", "1"]);
    let mut foresee = command.stdout(Stdio::null()).spawn().expect("foresee can be executed");
    let begun =
        || fs::read_dir(place.tmp()).ok()?.flatten().map(|e| e.path().join("1/logs/sh.stderr")).find(|p| p.exists());
    // The second case has begun when its log has a line in it.
    while begun().and_then(|log| fs::read_to_string(log).ok()).is_none_or(|log| log.is_empty()) {
        assert!(foresee.try_wait().expect("its status").is_none(), "foresee has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    output_of(tool("kill").args(["-s", "TERM", &foresee.id().to_string()]));
    assert_eq!(foresee.wait().expect("its status").code(), Some(128 + 15));
    assert!(place.is_clean());
    assert_valid(&place);
    let junit = read_junit(&place);
    assert_eq!(case(&junit, "test_done", "run true: status")["verdict"], "passed");
    let running = case(&junit, "test_running", "lifecycle");
    assert_eq!((&running["verdict"], &running["results"][0][1]), (&json!("error"), &json!("interrupted")));
    assert!(running["results"][0][3].as_str().is_some_and(|text| text.contains("| begun")), "{running}");
    assert_eq!(case(&junit, "test_later", "run true: status")["verdict"], "skipped");
    assert_eq!(place.results()["signal"], 15);
}
