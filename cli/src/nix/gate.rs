//! The check itself: it fails when the report tells of failed tests, and says how to see more.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Deserialize;

use super::attributes::Attributes;
use super::{Failure, about, junit};

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
pub(super) fn build(attributes: &Attributes<Gate>) -> Result<ExitCode, Failure> {
    let gate = &attributes.foresee;
    let file = gate.report.join("junit.xml");
    let text = fs::read_to_string(&file).map_err(about("read", &file))?;
    let counts = junit::counts(&text).map_err(about("read", &file))?;
    if !gate.report.join("nix-support/failed").exists() {
        println!("foresee: {}: {counts}", gate.name);
        symlink(&gate.report, attributes.out()).map_err(about("link", attributes.out()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let failures = junit::failures(&text).map_err(about("read", &file))?;
    for line in lines(gate, &counts.to_string(), &failures) {
        println!("{line}");
    }
    Ok(ExitCode::FAILURE)
}

/// What is said of failed tests: no more than Nix shows, with the commands that show more at the end.
fn lines(gate: &Gate, counts: &str, failures: &[junit::Failed]) -> Vec<String> {
    let name = &gate.name;
    // For a shell.
    let attr = if gate.attr.contains('"') { format!("'.#{}", gate.attr) } else { format!(".#{}", gate.attr) };
    let end = if gate.attr.contains('"') { "'" } else { "" };
    let mut tail = vec![
        format!("report and logs    {}", gate.report.display()),
        format!("link to it         nix build {attr}.report{end}"),
        format!("all that was said  nix log {}", gate.report_derivation.display()),
        format!("outside of Nix     nix run {attr}.interactive{end}"),
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
