//! JUnit XML, as Jenkins' `junit-10.xsd` has it, with `file` and `line` on every test case.
//!
//! quick-xml escapes; what no escape makes legal in XML 1.0 is taken out before. Why not the junit-report crate: see
//! `docs/decisions.md`.

use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::explain::{caret, explain};
use super::when::{seconds, timestamp};
use super::{Counts, Report};
use crate::artifacts::readable;
use crate::outcome::{CaseOutcome, Judged, Problem, Verdict};
use crate::source::Span;

/// Characters of an explanation; readers cut at about 8,000, and the whole log is kept beside.
const MAX_BODY: usize = 7_500;
/// Characters of an attribute: a message is a headline, and repeated in the text.
const MAX_ATTRIBUTE: usize = 1_000;

type Xml<'w> = Writer<&'w mut dyn io::Write>;

/// Writes the whole report.
///
/// # Errors
///
/// Those of `to`.
pub fn junit(report: &Report<'_>, to: &mut dyn io::Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(to, b' ', 1);
    let counts = Counts::of_run(report.loaded, report.outcome);
    let time = report.outcome.cases.iter().map(|case| suite_time(report, case)).sum();
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = BytesStart::new("testsuites");
    attribute(&mut root, "name", "foresee");
    attribute(&mut root, "tests", &counts.tests.to_string());
    attribute(&mut root, "failures", &counts.failures.to_string());
    attribute(&mut root, "errors", &counts.errors.to_string());
    attribute(&mut root, "time", &seconds(time));
    xml.write_event(Event::Start(root))?;
    let mut id = 0;
    for broken in &report.loaded.broken {
        let problems: Vec<_> = broken.problems.iter().map(|p| p.render(&report.loaded.sources, false)).collect();
        let counts = Counts { tests: 1, errors: 1, ..Counts::default() };
        let suite = suite(report, &broken.file, &broken.path, counts, Duration::ZERO, None, &mut id);
        xml.write_event(Event::Start(suite))?;
        let first = broken.problems.first();
        let mut case = BytesStart::new("testcase");
        attribute(&mut case, "name", "load");
        attribute(&mut case, "classname", &broken.classname);
        attribute(&mut case, "time", "0.000");
        place(&mut case, report, &broken.path, first.map_or_else(Span::default, |p| p.span));
        xml.write_event(Event::Start(case))?;
        let message = first.map_or("", |p| p.message.as_str());
        element(&mut xml, "error", &[("type", "manifest"), ("message", message)], &problems.join("\n\n"))?;
        end(&mut xml, "testcase")?;
        end(&mut xml, "testsuite")?;
    }
    for case in &report.outcome.cases {
        write_case(&mut xml, report, case, &mut id)?;
    }
    end(&mut xml, "testsuites")?;
    xml.into_inner().write_all(b"\n")
}

/// The sum of the test cases' times: readers add them up, and should come to the same.
fn suite_time(report: &Report<'_>, case: &CaseOutcome) -> Duration {
    report.time(case.checks.iter().map(|judged| millis(judged.time)).sum())
}

fn millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from((time.as_micros() + 500) / 1000).unwrap_or(u64::MAX))
}

fn suite<'a>(
    report: &Report<'_>,
    name: &str,
    file: &str,
    counts: Counts,
    time: Duration,
    started: Option<std::time::SystemTime>,
    id: &mut usize,
) -> BytesStart<'a> {
    let mut suite = BytesStart::new("testsuite");
    attribute(&mut suite, "name", name);
    attribute(&mut suite, "tests", &counts.tests.to_string());
    attribute(&mut suite, "failures", &counts.failures.to_string());
    attribute(&mut suite, "errors", &counts.errors.to_string());
    attribute(&mut suite, "skipped", &counts.skipped.to_string());
    attribute(&mut suite, "time", &seconds(time));
    if let Some(started) = started {
        attribute(&mut suite, "timestamp", &timestamp(report.date(started)));
    }
    attribute(&mut suite, "hostname", "localhost");
    attribute(&mut suite, "id", &id.to_string());
    attribute(&mut suite, "file", file);
    *id += 1;
    suite
}

fn write_case(xml: &mut Xml<'_>, report: &Report<'_>, outcome: &CaseOutcome, id: &mut usize) -> io::Result<()> {
    let case = &report.loaded.cases[outcome.case];
    let counts = Counts::of(&outcome.checks);
    let time = suite_time(report, outcome);
    xml.write_event(Event::Start(suite(report, &outcome.suite, &case.path, counts, time, Some(outcome.started), id)))?;
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    let isolation = &outcome.isolation;
    property(xml, "isolation", &isolation.level)?;
    for (facet, state) in &isolation.facets {
        property(xml, &format!("isolation.{facet}"), &state.to_string())?;
    }
    property(xml, "isolation.orphans", &isolation.orphans)?;
    end(xml, "properties")?;
    for judged in &outcome.checks {
        write_test(xml, report, outcome, judged)?;
    }
    end(xml, "testsuite")
}

fn property(xml: &mut Xml<'_>, name: &str, value: &str) -> io::Result<()> {
    let mut property = BytesStart::new("property");
    attribute(&mut property, "name", name);
    attribute(&mut property, "value", value);
    xml.write_event(Event::Empty(property))
}

fn write_test(xml: &mut Xml<'_>, report: &Report<'_>, outcome: &CaseOutcome, judged: &Judged) -> io::Result<()> {
    let case = &report.loaded.cases[outcome.case];
    let check = &case.checks[judged.check];
    let mut test = BytesStart::new("testcase");
    attribute(&mut test, "name", &check.name);
    attribute(&mut test, "classname", &outcome.classname);
    attribute(&mut test, "time", &seconds(report.time(millis(judged.time))));
    place(&mut test, report, &case.path, check.span);
    let earlier: Vec<_> = outcome
        .earlier
        .iter()
        .filter_map(|attempt| attempt.iter().find(|j| j.check == judged.check))
        .filter_map(|judged| match &judged.verdict {
            Verdict::Failed(problem) => Some(problem.as_ref()),
            _ => None,
        })
        .collect();
    if matches!(judged.verdict, Verdict::Passed) && earlier.is_empty() {
        return xml.write_event(Event::Empty(test));
    }
    xml.write_event(Event::Start(test))?;
    let rerun = match &judged.verdict {
        Verdict::Passed => "flakyFailure",
        Verdict::Skipped(reason) => {
            element(xml, "skipped", &[("message", reason)], reason)?;
            "rerunFailure"
        }
        Verdict::Failed(problem) => {
            let name = if problem.error { "error" } else { "failure" };
            let attributes = [("type", problem.kind.as_str()), ("message", problem.message.as_str())];
            element(xml, name, &attributes, &body(report, problem))?;
            "rerunFailure"
        }
    };
    for problem in earlier {
        write_earlier(xml, report, rerun, problem)?;
    }
    if let Verdict::Failed(problem) = &judged.verdict {
        write_attachments(xml, report, outcome, problem)?;
    }
    end(xml, "testcase")
}

/// A failure of an earlier attempt; the schema wants its text in an element of its own.
fn write_earlier(xml: &mut Xml<'_>, report: &Report<'_>, name: &str, problem: &Problem) -> io::Result<()> {
    let mut rerun = BytesStart::new(name.to_owned());
    attribute(&mut rerun, "type", problem.kind.as_str());
    attribute(&mut rerun, "message", &problem.message);
    xml.write_event(Event::Start(rerun))?;
    element(xml, "stackTrace", &[], &body(report, problem))?;
    end(xml, name)
}

/// Where the kept logs are, as Jenkins and GitLab take attachments; the guilty ones first. Empty ones tell nothing.
fn write_attachments(
    xml: &mut Xml<'_>,
    report: &Report<'_>,
    outcome: &CaseOutcome,
    problem: &Problem,
) -> io::Result<()> {
    let mut paths: Vec<_> = problem.tails.iter().filter_map(|tail| tail.kept.as_deref()).collect();
    let last = outcome.earlier.len() + 1;
    let logs = outcome.logs.iter().filter(|log| log.size > 0 && log.attempt as usize == last);
    paths.extend(logs.map(|log| log.path.as_str()));
    let mut lines = String::new();
    let mut seen = std::collections::HashSet::new();
    for path in paths.into_iter().filter(|path| seen.insert(*path) && !path.contains(['[', ']', '|'])) {
        lines.push_str(&format!("[[ATTACHMENT|{}{path}]]\n", report.logs_below));
    }
    if lines.is_empty() {
        return Ok(());
    }
    element(xml, "system-out", &[], &lines)
}

/// The text of a failure: many readers show nothing else, so the headline stands first in it.
fn body(report: &Report<'_>, problem: &Problem) -> String {
    let sources = &report.loaded.sources;
    let mut text = format!(" {}: {}\n", sources.place(problem.span), problem.message);
    // The arrow would say the place again.
    for line in caret(problem, sources, false).lines().skip(1) {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&explain(problem, report.logs_below));
    match text.char_indices().nth(MAX_BODY) {
        Some((end, _)) => format!("{}\n… cut off here", &text[..end]),
        None => text,
    }
}

fn place(test: &mut BytesStart<'_>, report: &Report<'_>, path: &str, span: Span) {
    attribute(test, "file", path);
    attribute(test, "line", &report.loaded.sources.line(span).to_string());
}

fn attribute(element: &mut BytesStart<'_>, name: &str, value: &str) {
    let value = readable(value.as_bytes());
    let end = if value.len() > MAX_ATTRIBUTE { value.char_indices().nth(MAX_ATTRIBUTE) } else { None };
    match end {
        Some((end, _)) => element.push_attribute((name, format!("{}…", &value[..end]).as_str())),
        None => element.push_attribute((name, value.as_ref())),
    }
}

fn element(xml: &mut Xml<'_>, name: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
    let mut start = BytesStart::new(name.to_owned());
    for (name, value) in attributes {
        attribute(&mut start, name, value);
    }
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Text(BytesText::new(&readable(text.as_bytes()))))?;
    end(xml, name)
}

fn end(xml: &mut Xml<'_>, name: &str) -> io::Result<()> {
    xml.write_event(Event::End(BytesEnd::new(name.to_owned())))
}
