//! `results.json`: the same results as data.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::when::{seconds, timestamp};
use super::{Counts, Report};
use crate::outcome::{CaseOutcome, Judged, Problem, Verdict};

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

fn suite(report: &Report<'_>, outcome: &CaseOutcome) -> Value {
    let case = &report.loaded.cases[outcome.case];
    json!({
        "name": outcome.suite,
        "file": case.path,
        "case": case.name,
        "classname": outcome.classname,
        "line": report.loaded.sources.line(case.span),
        "started": timestamp(report.date(outcome.started)),
        "seconds": number(report.time(outcome.time)),
        "held": outcome.held(),
        "flaky": outcome.is_flaky(),
        "attempts": outcome.earlier.len() + 1,
        "isolation": *outcome.isolation,
        "tests": outcome.checks.iter().map(|judged| test(report, outcome, judged)).collect::<Vec<_>>(),
        "earlier": outcome.earlier.iter().map(|attempt| attempt.iter()
            .filter(|judged| matches!(judged.verdict, Verdict::Failed(_)))
            .map(|judged| test(report, outcome, judged)).collect::<Vec<_>>()).collect::<Vec<_>>(),
        "logs": outcome.logs.iter().map(|log| json!({
            "digest": format!("sha256:{}", log.digest),
            "path": log.path,
        })).collect::<Vec<_>>(),
    })
}

fn test(report: &Report<'_>, outcome: &CaseOutcome, judged: &Judged) -> Value {
    let check = &report.loaded.cases[outcome.case].checks[judged.check];
    let mut test = json!({
        "name": check.name,
        "line": report.loaded.sources.line(check.span),
        "seconds": number(report.time(judged.time)),
    });
    match &judged.verdict {
        Verdict::Passed => test["verdict"] = "passed".into(),
        Verdict::Skipped(reason) => {
            test["verdict"] = "skipped".into();
            test["reason"] = reason.as_str().into();
        }
        Verdict::Failed(problem) => {
            test["verdict"] = if problem.error { "error" } else { "failure" }.into();
            test["problem"] = explain(report, problem);
        }
    }
    test
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

fn number(time: std::time::Duration) -> f64 {
    seconds(time).parse().unwrap_or_default()
}
