//! What a person sees: a line for each case as it ends, and every failure explained.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::Counts;
use super::explain::{caret, explain};
use crate::case::Case;
use crate::diagnostic::Diagnostic;
use crate::manifest::Loaded;
use crate::outcome::{CaseOutcome, Problem};
use crate::run::{Progress, RunOutcome};
use crate::source::Sources;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Prints diagnostics, the whole text of each.
///
/// # Errors
///
/// Those of `to`.
pub fn write_diagnostics(
    to: &mut dyn Write,
    problems: &[Diagnostic],
    sources: &Sources,
    colour: bool,
) -> io::Result<()> {
    for problem in problems {
        writeln!(to, "{}\n", problem.render(sources, colour))?;
    }
    Ok(())
}

/// Prints a run.
pub struct Terminal<'a> {
    to: &'a mut dyn Write,
    loaded: &'a Loaded,
    /// Whether a line that tells what runs now may be shown and overwritten.
    live: bool,
    /// How this program was called, for the command that runs one case.
    program: String,
    /// Whether times are left out, so that runs can be compared.
    stable: bool,
    total: usize,
    shown_live: bool,
    width: usize,
}

impl<'a> Terminal<'a> {
    /// Prints to `to`, which strips colours where they are not wanted. `live` tells whether it is a terminal.
    pub fn new(
        to: &'a mut dyn Write,
        loaded: &'a Loaded,
        total: usize,
        live: bool,
        stable: bool,
        program: &str,
    ) -> Self {
        let longest = loaded.cases.iter().map(|case| case.suite.chars().count()).max().unwrap_or(0);
        let program = if stable { "foresee" } else { program }.to_owned();
        Self { to, loaded, live, program, stable, total, shown_live: false, width: longest.min(60) }
    }

    /// Shows progress.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn progress(&mut self, progress: &Progress<'_>) -> io::Result<()> {
        match progress {
            Progress::Case(outcome) => self.case(outcome),
            Progress::Running(cases, done) if self.live => self.running(cases, *done),
            Progress::Running(..) => Ok(()),
        }
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.shown_live {
            write!(self.to, "\r\x1b[K")?;
            self.shown_live = false;
        }
        Ok(())
    }

    fn running(&mut self, cases: &[&Case], done: usize) -> io::Result<()> {
        self.clear()?;
        let names = cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(", ");
        let line: String = format!("{done}/{} {names}", self.total).chars().take(78).collect();
        write!(self.to, "{DIM}{line}{DIM:#}")?;
        self.shown_live = true;
        self.to.flush()
    }

    fn case(&mut self, outcome: &CaseOutcome) -> io::Result<()> {
        self.clear()?;
        let counts = Counts::of(&outcome.checks);
        let (style, word) = match () {
            () if !outcome.held() => (BAD, "FAIL"),
            () if outcome.is_flaky() => (ODD, "FLAKY"),
            () if counts.skipped == counts.tests => (DIM, "SKIP"),
            () => (GOOD, "ok"),
        };
        let width = self.width;
        write!(self.to, "{style}{word:<5}{style:#} {:<width$}", outcome.suite)?;
        if counts.skipped == counts.tests {
            let reason = outcome.checks.iter().find_map(|judged| match &judged.verdict {
                crate::outcome::Verdict::Skipped(reason) => Some(reason.as_str()),
                _ => None,
            });
            return writeln!(self.to, "  {DIM}{}{DIM:#}", reason.unwrap_or_default());
        }
        let failed = counts.failures + counts.errors;
        let checks = match failed {
            0 => plural(counts.tests, "check"),
            _ => format!("{failed} of {} failed", plural(counts.tests, "check")),
        };
        let time = if self.stable { String::new() } else { format!(", {:.3}s", outcome.time.as_secs_f64()) };
        writeln!(self.to, "  {DIM}{checks}{time}{DIM:#}")?;
        for attempt in &outcome.earlier {
            for (_, problem) in crate::outcome::failed(attempt) {
                writeln!(self.to, "      {ODD}before{ODD:#} {}: {}", problem.kind, problem.message)?;
            }
        }
        Ok(())
    }

    /// Explains every failure, then sums up.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(&mut self, outcome: &RunOutcome, output_dir: &str) -> io::Result<()> {
        self.clear()?;
        for case in outcome.cases.iter().filter(|case| !case.held()) {
            for (check, problem) in case.problems() {
                let name = &self.loaded.cases[case.case].checks[check].name;
                self.failure(case, name, problem, output_dir)?;
            }
            writeln!(self.to, "  {DIM}run just this case:{DIM:#} {}", self.rerun(case))?;
        }
        for broken in &self.loaded.broken {
            writeln!(self.to)?;
            for problem in &broken.problems {
                writeln!(self.to, "{}", problem.render(&self.loaded.sources, true))?;
            }
        }
        for fault in &outcome.faults {
            writeln!(self.to, "{BAD}foresee:{BAD:#} {fault}")?;
        }
        self.sum_up(outcome)
    }

    fn failure(&mut self, case: &CaseOutcome, check: &str, problem: &Problem, output_dir: &str) -> io::Result<()> {
        writeln!(self.to, "\n{BAD}FAIL{BAD:#} {} :: {check}", case.suite)?;
        writeln!(self.to, "{BAD}{}{BAD:#}: {}", problem.kind, problem.message)?;
        writeln!(self.to, "{}", caret(problem, &self.loaded.sources))?;
        let explained = explain(problem).replace("    whole log: ", &format!("    whole log: {output_dir}/"));
        write!(self.to, "{explained}")
    }

    /// A command that runs just this case.
    fn rerun(&self, outcome: &CaseOutcome) -> String {
        let case = &self.loaded.cases[outcome.case];
        let filter = format!("^{}$", regex::escape(&case.suite));
        let path = &self.loaded.sources.get(case.span.file).shown;
        format!("{} run {} --filter {}", quote(&self.program), quote(path), quote(&filter))
    }

    fn sum_up(&mut self, outcome: &RunOutcome) -> io::Result<()> {
        let failed = outcome.cases.iter().filter(|case| !case.held()).count();
        let flaky = outcome.cases.iter().filter(|case| case.is_flaky()).count();
        let not_run = outcome.cases.iter().filter(|case| case.not_run).count();
        let broken = self.loaded.broken.len();
        let passed = outcome.cases.len() - failed - not_run;
        let mut parts = String::new();
        let mut part = |count: usize, style: Style, text: &str| {
            if count > 0 {
                let _ = write!(parts, "{}{style}{count} {text}{style:#}", if parts.is_empty() { "" } else { ", " });
            }
        };
        part(failed, BAD, "failed");
        part(broken, BAD, if broken == 1 { "manifest is broken" } else { "manifests are broken" });
        part(passed, GOOD, "passed");
        part(flaky, ODD, "of them flaky");
        part(not_run, DIM, "skipped");
        if parts.is_empty() {
            parts.push_str("nothing was run");
        }
        let checks = plural(Counts::of_run(self.loaded, outcome).tests, "check");
        let time = if self.stable { String::new() } else { format!(", {:.2}s", outcome.time.as_secs_f64()) };
        writeln!(self.to, "\n{parts} {DIM}({checks}{time}){DIM:#}")?;
        if let Some(signal) = outcome.signal {
            writeln!(self.to, "{BAD}ended by {}{BAD:#}", crate::case::signal_name(signal))?;
        }
        if let Some(sandbox) = &outcome.sandbox {
            writeln!(self.to, "{DIM}the sandbox stays in{DIM:#} {}", sandbox.display())?;
        }
        Ok(())
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// A word for a POSIX shell.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
