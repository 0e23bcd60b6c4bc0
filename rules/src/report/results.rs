//! `results.json`: the same results as data.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::when::timestamp;
use super::{Counts, Report};
use crate::outcome::{CaseOutcome, Judged, KeptLog, Problem, Verdict};
use crate::sandbox::Isolation;

/// The whole report as JSON, a suite at a time: thousands of them as one tree would take more memory than the run.
#[derive(Serialize)]
struct Results<'a> {
    format: &'static str,
    counts: Value,
    signal: Option<i32>,
    faults: &'a [String],
    broken: Vec<Value>,
    #[serde(serialize_with = "suites")]
    suites: &'a Report<'a>,
}

/// Writes the whole report as JSON.
///
/// # Errors
///
/// Those of `to`.
pub fn results(report: &Report<'_>, to: &mut dyn io::Write) -> io::Result<()> {
    let counts = Counts::of_run(report.loaded, report.outcome);
    let results = Results {
        format: "foresee-results/1",
        counts: json!({
            "suites": report.outcome.cases.len() + report.loaded.broken.len(),
            "tests": counts.tests,
            "failures": counts.failures,
            "errors": counts.errors,
            "skipped": counts.skipped,
            "flaky": report.outcome.cases.iter().filter(|case| case.is_flaky()).count(),
        }),
        signal: report.outcome.signal,
        faults: &report.outcome.faults,
        broken: report
            .loaded
            .broken
            .iter()
            .map(|broken| {
                json!({
                    "file": broken.file,
                    "classname": broken.classname,
                    "errors": broken.problems.iter().map(|p| json!({
                        "at": report.loaded.sources.place(p.span),
                        "message": p.message,
                        "help": p.help,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect(),
        suites: report,
    };
    serde_json::to_writer_pretty(&mut *to, &results)?;
    to.write_all(b"\n")
}

fn suites<S: Serializer>(report: &Report<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(report.outcome.cases.iter().map(|case| suite(report, case)))
}

/// What became of a case. A structure of its own, for there are thousands of tests, and a tree of JSON values costs more
/// than the report.
#[derive(Serialize)]
struct Suite<'a> {
    name: &'a str,
    file: &'a str,
    case: &'a str,
    classname: &'a str,
    line: u32,
    started: String,
    seconds: f64,
    held: bool,
    flaky: bool,
    attempts: usize,
    isolation: &'a Isolation,
    tests: Vec<Test<'a>>,
    earlier: Vec<Vec<Test<'a>>>,
    logs: Vec<Value>,
}

#[derive(Serialize)]
struct Test<'a> {
    name: &'a str,
    line: u32,
    seconds: f64,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
}

fn suite<'a>(report: &'a Report<'_>, outcome: &'a CaseOutcome) -> Suite<'a> {
    let case = &report.loaded.cases[outcome.case];
    let failed = |judged: &&Judged| matches!(judged.verdict, Verdict::Failed(_));
    let failures = |attempt: &'a Vec<Judged>| {
        attempt.iter().filter(failed).map(|judged| test(report, outcome, judged)).collect::<Vec<_>>()
    };
    let log = |log: &KeptLog| json!({ "digest": format!("sha256:{}", log.digest), "path": log.path });
    Suite {
        name: &outcome.suite,
        file: &case.path,
        case: &case.name,
        classname: &outcome.classname,
        line: report.loaded.sources.line(case.span),
        started: timestamp(report.date(outcome.started)),
        seconds: number(report.time(outcome.time)),
        held: outcome.held(),
        flaky: outcome.is_flaky(),
        attempts: outcome.earlier.len() + 1,
        isolation: &outcome.isolation,
        tests: outcome.checks.iter().map(|judged| test(report, outcome, judged)).collect(),
        earlier: outcome.earlier.iter().map(failures).collect(),
        logs: outcome.logs.iter().map(log).collect(),
    }
}

fn test<'a>(report: &'a Report<'_>, outcome: &CaseOutcome, judged: &'a Judged) -> Test<'a> {
    let check = &report.loaded.cases[outcome.case].checks[judged.check];
    let (verdict, reason, problem) = match &judged.verdict {
        Verdict::Passed => ("passed", None, None),
        Verdict::Skipped(reason) => ("skipped", Some(reason.as_str()), None),
        Verdict::Failed(problem) => {
            (if problem.error { "error" } else { "failure" }, None, Some(explain(report, problem)))
        }
    };
    Test {
        name: &check.name,
        line: report.loaded.sources.line(check.span),
        seconds: number(report.time(judged.time)),
        verdict,
        reason,
        problem,
    }
}

fn explain(report: &Report<'_>, problem: &Problem) -> Value {
    json!({
        "type": problem.kind,
        "message": problem.message,
        "at": report.loaded.sources.place(problem.span),
        "label": problem.label,
        "expected": problem.expected,
        "got": problem.got,
        "details": problem.details,
        "logs": problem.tails,
    })
}

/// Seconds, to the millisecond.
fn number(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
