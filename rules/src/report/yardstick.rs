//! A plain outcome comes out of our JUnit writer with the structure that the junit-report crate gives it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use junit_report::{ReportBuilder, TestCase, TestSuite};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Report, junit};
use crate::manifest::{Caller, Loaded, load_text};
use crate::outcome::{CaseOutcome, Judged, Kind, Problem, Verdict};
use crate::run::RunOutcome;
use crate::sandbox::Isolation;

const MANIFEST: &str = "
test_plain:
  - run: [echo, 'a < b']
    assert_stdout: 'a < b'
    assert_stdout_contains: b
    assert_stdout_matches: c
test_other:
  - run: [echo]
";

/// An element: how deep it stands, its name and its attributes.
type Element = (usize, String, BTreeMap<String, String>);

fn elements(xml: &[u8]) -> Vec<Element> {
    let mut reader = Reader::from_str(std::str::from_utf8(xml).expect("UTF-8"));
    let (mut elements, mut depth) = (Vec::new(), 0);
    let element = |start: &BytesStart<'_>, depth| {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.expect("an attribute");
            let value = quick_xml::escape::unescape(&attribute.value).expect("entities").into_owned();
            (attribute.key.as_ref().to_owned(), value)
        });
        (depth, start.name().as_ref().to_owned(), attributes.collect())
    };
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) => {
                elements.push(element(&start, depth));
                depth += 1;
            }
            Event::Empty(start) => elements.push(element(&start, depth)),
            Event::End(_) => depth -= 1,
            Event::Eof => return elements,
            _ => {}
        }
    }
}

fn outcome(loaded: &Loaded) -> RunOutcome {
    let problem = |kind, message: &str, check: usize| {
        let span = loaded.cases[0].checks[check].span;
        Verdict::Failed(Box::new(Problem::new(kind, span, message)))
    };
    let plain = vec![
        Verdict::Skipped("another check ended the case".into()),
        Verdict::Passed,
        problem(Kind::Assertion, "it is \"a\" & not b", 2),
        problem(Kind::Internal, "can't be judged", 3),
        Verdict::Passed,
    ];
    let verdicts = [plain, vec![Verdict::Passed, Verdict::Passed]];
    let cases = loaded.cases.iter().enumerate().zip(verdicts).map(|((index, case), verdicts)| CaseOutcome {
        case: index,
        suite: case.suite.clone(),
        classname: case.classname.clone(),
        started: SystemTime::UNIX_EPOCH,
        time: Duration::ZERO,
        checks: verdicts
            .into_iter()
            .enumerate()
            .map(|(check, verdict)| Judged { check, verdict, time: Duration::from_millis(12) })
            .collect(),
        earlier: Vec::new(),
        logs: Vec::new(),
        isolation: Isolation::none("not wanted").into(),
        not_run: false,
    });
    RunOutcome { cases: cases.collect(), signal: None, faults: Vec::new(), sandbox: None, time: Duration::ZERO }
}

fn theirs(loaded: &Loaded, outcome: &RunOutcome) -> Vec<u8> {
    let suites = outcome.cases.iter().map(|case| {
        let mut suite = TestSuite::new(&case.suite);
        for judged in &case.checks {
            let name = &loaded.cases[case.case].checks[judged.check].name;
            let time = junit_report::Duration::milliseconds(12);
            let mut test = match &judged.verdict {
                Verdict::Passed => TestCase::success(name, time),
                Verdict::Skipped(_) => TestCase::skipped(name),
                Verdict::Failed(problem) if problem.error => {
                    TestCase::error(name, time, problem.kind.as_str(), &problem.message)
                }
                Verdict::Failed(problem) => TestCase::failure(name, time, problem.kind.as_str(), &problem.message),
            };
            test.set_classname(&case.classname);
            suite.add_testcase(test);
        }
        suite
    });
    let mut xml = Vec::new();
    ReportBuilder::new().add_testsuites(suites.collect::<Vec<_>>()).build().write_xml(&mut xml).expect("memory");
    xml
}

#[test]
fn a_plain_outcome_has_the_structure_of_junit_report() {
    let loaded = load_text("test.yml".as_ref(), MANIFEST.into(), &Caller::default());
    assert_eq!(loaded.cases.len(), 2, "{:?}", loaded.broken);
    let outcome = outcome(&loaded);
    let report = Report { loaded: &loaded, outcome: &outcome, stable: false, logs_below: "", date: None };
    let mut xml = Vec::new();
    junit(&report, &mut xml).expect("memory");
    let ours = elements(&xml);
    let theirs = elements(&theirs(&loaded, &outcome));
    // Properties are what it lacks, and a reason for a writer of our own.
    let ours: Vec<_> = ours.into_iter().filter(|(_, name, _)| !name.starts_with("propert")).collect();
    let shape = |all: &[Element]| all.iter().map(|(depth, name, _)| (*depth, name.clone())).collect::<Vec<_>>();
    assert_eq!(shape(&ours), shape(&theirs));
    for ((_, name, ours), (_, _, theirs)) in ours.iter().zip(&theirs) {
        for (attribute, value) in theirs {
            match attribute.as_str() {
                // Seconds with three decimals, which its `0.024` and `12` are not always; dates and numbers of suites.
                "time" | "timestamp" | "hostname" | "id" | "package" => {}
                _ => assert_eq!(ours.get(attribute), Some(value), "`{attribute}` of `{name}`"),
            }
        }
    }
}
