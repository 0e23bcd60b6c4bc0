//! The check itself: it fails when the report tells of failed tests, and says how to see more.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde::Deserialize;

use super::attributes::Attributes;
use super::{Failure, about, junit};
use crate::exit::{FAILED, HELD};

/// How many lines Nix shows of a failed build, unless it is told otherwise.
const LINES_SHOWN: usize = 25;

/// What `nix/lib/private/check.nix` says of a gate.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gate {
    /// Of the test.
    name: String,
    /// The check's attribute in the flake.
    attr: String,
    /// The report.
    report: PathBuf,
    /// The derivation that made the report.
    report_derivation: PathBuf,
}

/// Makes the output a link to the report, when all tests held.
pub(super) fn build(attributes: &Attributes<Gate>) -> Result<u8, Failure> {
    let gate = &attributes.foresee;
    let file = gate.report.join("junit.xml");
    let text = fs::read_to_string(&file).map_err(about("read", &file))?;
    let counts = junit::counts(&text).map_err(about("read", &file))?;
    if !gate.report.join("nix-support/failed").exists() {
        println!("foresee: {}: {counts}", gate.name);
        symlink(&gate.report, attributes.out()).map_err(about("link", attributes.out()))?;
        return Ok(HELD);
    }
    let failures = junit::failures(&text).map_err(about("read", &file))?;
    for line in lines(gate, &counts.to_string(), &failures) {
        println!("{line}");
    }
    Ok(FAILED)
}

/// What is said of failed tests: no more than Nix shows, with the commands that show more at the end.
fn lines(gate: &Gate, counts: &str, failures: &[junit::Failed]) -> Vec<String> {
    let name = &gate.name;
    let installable = |part: &str| {
        let text = format!(".#{}.{part}", gate.attr);
        // For a shell, which would take the quotes of a name with a dot away.
        if text.contains('"') { format!("'{text}'") } else { text }
    };
    let mut tail = vec![
        format!("report and logs    {}", gate.report.display()),
        format!("link to it         nix build {}", installable("report")),
        format!("all that was said  nix log {}", gate.report_derivation.display()),
        format!("outside of Nix     nix run {}", installable("interactive")),
    ];
    let mut lines = vec![format!("foresee: {name}: {counts}")];
    let room = LINES_SHOWN - lines.len() - tail.len();
    let shown = if failures.len() > room { room - 1 } else { failures.len() };
    lines.extend(failures[..shown].iter().map(|failed| format!("  {failed}")));
    if shown < failures.len() {
        lines.push(format!("  … and {} more", failures.len() - shown));
    }
    lines.append(&mut tail);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(attr: &str) -> Gate {
        Gate {
            name: "site".to_owned(),
            attr: attr.to_owned(),
            report: PathBuf::from("/nix/store/x-site-report"),
            report_derivation: PathBuf::from("/nix/store/y-site-report.drv"),
        }
    }

    fn failures(count: usize) -> Vec<junit::Failed> {
        let cases = (0..count)
            .map(|n| {
                format!(r#"<testcase classname="a.b" name="n{n}"><failure type="timeout" message="m"/></testcase>"#)
            })
            .collect::<String>();
        junit::failures(&format!("<testsuites><testsuite>{cases}</testsuite></testsuites>")).unwrap()
    }

    #[test]
    fn failures_and_commands_are_what_nix_shows() {
        assert_eq!(
            lines(&gate("checks.x86_64-linux.site"), "2 of 3 test cases failed", &failures(2)),
            [
                "foresee: site: 2 of 3 test cases failed",
                "  a.b · n0: timeout: m",
                "  a.b · n1: timeout: m",
                "report and logs    /nix/store/x-site-report",
                "link to it         nix build .#checks.x86_64-linux.site.report",
                "all that was said  nix log /nix/store/y-site-report.drv",
                "outside of Nix     nix run .#checks.x86_64-linux.site.interactive",
            ]
        );
    }

    #[test]
    fn no_more_lines_are_said_than_nix_shows() {
        assert_eq!(lines(&gate("a"), "", &failures(20)).len(), LINES_SHOWN);
        let many = lines(&gate("a"), "", &failures(21));
        assert_eq!(many.len(), LINES_SHOWN);
        assert_eq!(many[20], "  … and 2 more");
    }

    #[test]
    fn a_quoted_name_survives_the_shell() {
        let said = lines(&gate("checks.x86_64-linux.\"a.b\""), "", &failures(1));
        assert!(
            said.contains(&"link to it         nix build '.#checks.x86_64-linux.\"a.b\".report'".to_owned()),
            "{said:?}"
        );
    }
}
