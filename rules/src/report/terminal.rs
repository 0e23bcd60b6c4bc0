//! What a person sees: a line for each case as it ends, and every failure explained.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::Counts;
use super::explain::{caret, explain, headline};
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

/// Longest line that tells what runs now; a line that wraps could not be overwritten.
const LIVE_WIDTH: usize = 78;

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

/// The command that runs one case again, as whoever started this run would say it.
#[derive(Clone, Debug)]
pub enum Rerun {
    /// `PROGRAM run PATH --filter REGEX`.
    Run(String),
    /// `PROGRAM --filter REGEX`: a program that has its manifest beside it.
    Test(String),
    /// `bazel test LABEL --test_filter=REGEX`: what the sandbox held is gone when the test has ended.
    Bazel(String),
}

/// Prints a run.
pub struct Terminal<'a> {
    to: &'a mut dyn Write,
    loaded: &'a Loaded,
    /// Whether a line that tells what runs now may be shown and overwritten.
    live: bool,
    rerun: Rerun,
    /// Whether times are left out, so that runs can be compared.
    stable: bool,
    total: usize,
    /// The live line that stands there now.
    shown_live: String,
    width: usize,
}

impl<'a> Terminal<'a> {
    /// Prints to `to`, which strips colours where they are not wanted. `selected` are the indices of the cases that will
    /// run, each `repeat` times; `live` tells whether `to` is a terminal.
    pub fn new(
        to: &'a mut dyn Write,
        loaded: &'a Loaded,
        (selected, repeat): (&[usize], u32),
        live: bool,
        stable: bool,
        rerun: Rerun,
    ) -> Self {
        let longest = selected.iter().map(|case| loaded.cases[*case].suite.chars().count()).max().unwrap_or(0);
        let total = selected.len() * repeat.max(1) as usize;
        let rerun = if stable { Rerun::Run("foresee".into()) } else { rerun };
        Self { to, loaded, live, rerun, stable, total, shown_live: String::new(), width: longest.min(60) }
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

    /// Takes the live line away. With spaces: where no colour is wanted, escapes do not reach the terminal.
    fn clear(&mut self) -> io::Result<()> {
        let width = std::mem::take(&mut self.shown_live).chars().count();
        if width > 0 { write!(self.to, "\r{:width$}\r", "") } else { Ok(()) }
    }

    fn running(&mut self, cases: &[&Case], done: usize) -> io::Result<()> {
        let names = cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(", ");
        let whole = format!("{done}/{}  {names}", self.total);
        let line: String = if whole.chars().count() > LIVE_WIDTH {
            whole.chars().take(LIVE_WIDTH - 1).chain(['…']).collect()
        } else {
            whole
        };
        if line == self.shown_live {
            return Ok(());
        }
        self.clear()?;
        write!(self.to, "{DIM}{line}{DIM:#}")?;
        self.shown_live = line;
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
                writeln!(self.to, "      {ODD}before{ODD:#} {}: {}", problem.kind, headline(problem))?;
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
        for problem in self.loaded.broken.iter().flat_map(|broken| &broken.problems) {
            writeln!(self.to, "\n{}", problem.render(&self.loaded.sources, true))?;
        }
        for fault in &outcome.faults {
            writeln!(self.to, "{BAD}foresee:{BAD:#} {fault}")?;
        }
        self.sum_up(outcome)
    }

    fn failure(&mut self, case: &CaseOutcome, check: &str, problem: &Problem, output_dir: &str) -> io::Result<()> {
        writeln!(self.to, "\n{BAD}FAIL{BAD:#} {} :: {check}", case.suite)?;
        writeln!(self.to, "{BAD}{}{BAD:#}: {}", problem.kind, headline(problem))?;
        writeln!(self.to, "{}", caret(problem, &self.loaded.sources, true))?;
        write!(self.to, "{}", explain(problem, &format!("{output_dir}/")))
    }

    /// A command that runs just this case.
    fn rerun(&self, outcome: &CaseOutcome) -> String {
        let case = &self.loaded.cases[outcome.case];
        let filter = format!("^{}$", regex::escape(&case.suite));
        match &self.rerun {
            Rerun::Run(program) => {
                let path = &self.loaded.sources.get(case.span.file).shown;
                format!("{} run {} --filter {}", quote(program), quote(path), quote(&filter))
            }
            Rerun::Test(program) => format!("{} --filter {}", quote(program), quote(&filter)),
            Rerun::Bazel(label) => format!("bazel test {} --test_filter={}", quote(label), quote(&filter)),
        }
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
