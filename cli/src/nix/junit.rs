//! Reading foresee's own JUnit files: to merge them, to add a property, to name what failed.

use std::fmt;
use std::ops::AddAssign;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What the root element counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    tests: u64,
    failures: u64,
    errors: u64,
    /// Thousandths of a second.
    time: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.time += other.time;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (red, all) = (self.failures + self.errors, self.tests);
        let cases = if all == 1 { "test case" } else { "test cases" };
        if all == 0 {
            f.write_str("there was nothing to run")
        } else if red == 0 {
            write!(f, "{all} {cases}, none failed")
        } else {
            write!(f, "{red} of {all} {cases} failed")
        }
    }
}

/// A file's counts and its suites, as they stand in it.
#[derive(Debug)]
pub(super) struct Part<'a> {
    counts: Counts,
    suites: &'a str,
}

/// A test case that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    classname: String,
    name: String,
    kind: String,
    message: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { classname, name, kind, message } = self;
        // One line each, whatever the message holds.
        let message = message.lines().next().unwrap_or_default();
        write!(f, "{classname} · {name}: {kind}: {message}")
    }
}

type Result<T> = std::result::Result<T, quick_xml::Error>;

/// What the root of a file counts.
pub(super) fn counts(text: &str) -> Result<Counts> {
    part(text).map(|part| part.counts)
}

/// The file as a part of a merged one.
pub(super) fn part(text: &str) -> Result<Part<'_>> {
    let mut reader = Reader::from_str(text);
    let mut part = Part { counts: Counts::default(), suites: "" };
    loop {
        match reader.read_event()? {
            Event::Start(root) => {
                part.counts = counts_of(&root)?;
                let inner = reader.read_to_end(root.to_end().name())?;
                part.suites = text.get(range(inner)).unwrap_or_default();
                return Ok(part);
            }
            Event::Empty(root) => {
                part.counts = counts_of(&root)?;
                return Ok(part);
            }
            Event::Eof => return Ok(part),
            _ => {}
        }
    }
}

fn range(span: std::ops::Range<u64>) -> std::ops::Range<usize> {
    // The text is in memory: its length is a usize.
    usize::try_from(span.start).unwrap_or_default()..usize::try_from(span.end).unwrap_or_default()
}

/// One file that has the suites of all parts.
pub(super) fn merge(parts: &[Part<'_>]) -> String {
    let mut counts = Counts::default();
    for part in parts {
        counts += part.counts;
    }
    let Counts { tests, failures, errors, time } = counts;
    let suites = parts.iter().map(|part| part.suites.trim_matches('\n')).collect::<Vec<_>>().join("\n");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"foresee\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\" time=\"{}.{:03}\">\n{suites}\n</testsuites>\n",
        time / 1000,
        time % 1000,
    )
}

/// The file with one more property in every suite that has properties: in that of every case.
pub(super) fn tell(text: &str, name: &str, value: &str) -> Result<String> {
    let property = format!("\n   <property name=\"{name}\" value=\"{}\"/>", quick_xml::escape::escape(value));
    let mut reader = Reader::from_str(text);
    let mut told = String::with_capacity(text.len() + 1024);
    let mut copied = 0;
    loop {
        let event = reader.read_event()?;
        let position = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        match event {
            Event::Start(tag) if tag.name().as_ref() == "properties" => {
                told.push_str(&text[copied..position]);
                told.push_str(&property);
                copied = position;
            }
            Event::Eof => {
                told.push_str(&text[copied..]);
                return Ok(told);
            }
            _ => {}
        }
    }
}

/// The test cases that failed or could not be judged, in order.
pub(super) fn failures(text: &str) -> Result<Vec<Failed>> {
    let mut reader = Reader::from_str(text);
    let mut failures = Vec::new();
    let mut case = (String::new(), String::new());
    loop {
        match reader.read_event()? {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                "testcase" => case = (attribute(&tag, "classname")?, attribute(&tag, "name")?),
                "failure" | "error" => failures.push(Failed {
                    classname: case.0.clone(),
                    name: case.1.clone(),
                    kind: attribute(&tag, "type")?,
                    message: attribute(&tag, "message")?,
                }),
                _ => {}
            },
            Event::Eof => return Ok(failures),
            _ => {}
        }
    }
}

fn counts_of(root: &BytesStart<'_>) -> Result<Counts> {
    let number = |name| attribute(root, name).map(|value| value.parse().unwrap_or_default());
    let (seconds, thousandths) = match attribute(root, "time")?.split_once('.') {
        Some((seconds, rest)) => (seconds.parse().unwrap_or_default(), rest.parse().unwrap_or_default()),
        None => (0, 0),
    };
    Ok(Counts {
        tests: number("tests")?,
        failures: number("failures")?,
        errors: number("errors")?,
        time: 1000 * seconds + thousandths,
    })
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<String> {
    match tag.try_get_attribute(name)? {
        Some(attribute) => Ok(attribute.normalized_value(XmlVersion::Implicit1_0)?.into_owned()),
        None => Ok(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="foresee" tests="3" failures="1" errors="1" time="1.205">
  <testsuite name="a :: test_a" tests="3" failures="1" errors="1">
    <properties><property name="isolation" value="full"/></properties>
    <testcase classname="a.test_a" name="lifecycle" time="0.000"/>
    <testcase classname="a.test_a" name="wait x: status" time="1.000"><failure type="timeout" message="a &lt; b&#10;c">text</failure></testcase>
    <testcase classname="a.test_a" name="GET /: assert_status" time="0.205"><error type="connection" message="refused"/></testcase>
  </testsuite>
</testsuites>
"#;

    #[test]
    fn a_merged_file_has_all_suites_and_the_sums() {
        let part = part(FILE).unwrap();
        let merged = merge(&[self::part(FILE).unwrap(), part, self::part("<testsuites tests=\"0\"/>").unwrap()]);
        assert_eq!(merged.matches("<testsuite name=").count(), 2);
        assert_eq!(counts(&merged).unwrap(), Counts { tests: 6, failures: 2, errors: 2, time: 2410 });
        assert!(merged.contains("time=\"2.410\""), "{merged}");
    }

    #[test]
    fn a_property_is_told_in_every_suite() {
        let told = tell(FILE, "nix-sandbox", "on").unwrap();
        assert_eq!(told.matches("<properties>\n   <property name=\"nix-sandbox\" value=\"on\"/><property").count(), 1);
        assert_eq!(told.replace("\n   <property name=\"nix-sandbox\" value=\"on\"/>", ""), FILE);
    }

    #[test]
    fn failures_are_one_line_each() {
        let failures = failures(FILE).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            failures,
            ["a.test_a · wait x: status: timeout: a < b", "a.test_a · GET /: assert_status: connection: refused"]
        );
    }
}
