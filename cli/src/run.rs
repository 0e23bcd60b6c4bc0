//! `foresee run`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use foresee_rules::artifacts::{check_output_dir, write_whole};
use foresee_rules::manifest::{Loaded, load};
use foresee_rules::outcome::Kind;
use foresee_rules::report::{Report, Terminal, junit, results};
use foresee_rules::run::{Options, RunOutcome, Selection, Shard, Zygote, run as run_cases};

use crate::args::{RunOptions, SelectionOptions};
use crate::environment::Environment;
use crate::exit::{self, FAILED, HELD, MACHINE, USAGE, fail};

/// Where the results go.
struct Outputs {
    dir: PathBuf,
    /// The directory as the user gave it, for messages.
    shown: String,
    junit: PathBuf,
    /// Whether nothing is to be written to the directory when there is nothing to tell.
    only_on_failure: bool,
    /// What leads to the directory from the working directory, for readers of the report; empty when that is of no use.
    below: String,
}

/// Runs cases. Returns the exit status.
pub(crate) fn run(typed: RunOptions, environment: &Environment, zygote: io::Result<Zygote>) -> u8 {
    let zygote = match zygote {
        Ok(zygote) => zygote,
        Err(error) => return fail(MACHINE, format_args!("can't make a process: {error}")),
    };
    zygote.prepare(typed.isolation.into());
    environment.touch("TEST_PREMATURE_EXIT_FILE");
    let status = run_with(typed, environment, &zygote);
    drop(zygote);
    environment.untouch("TEST_PREMATURE_EXIT_FILE");
    status
}

fn run_with(typed: RunOptions, environment: &Environment, zygote: &Zygote) -> u8 {
    let outputs = outputs(&typed, environment);
    let loaded = load(&paths(&typed.paths), &environment.caller(outputs.dir.clone()));
    let selection = match selection(typed.selection, environment) {
        Ok(selection) => selection,
        Err(message) => return fail(USAGE, message),
    };
    if environment.get("TEST_TOTAL_SHARDS").is_some() {
        environment.touch("TEST_SHARD_STATUS_FILE");
    }
    let selected = selection.select(&loaded.cases);
    let sandbox_dir = typed.sandbox_dir.or_else(|| environment.path("TEST_TMPDIR")).unwrap_or_else(std::env::temp_dir);
    let options = Options {
        sandbox_dir: environment.cwd.join(sandbox_dir),
        output_dir: outputs.dir.clone(),
        isolation: typed.isolation.into(),
        allow_host_network: typed.allow_host_network,
        home: environment.path("HOME"),
        jobs: typed.jobs.map_or_else(|| environment.jobs(), |jobs| jobs as usize),
        fail_fast: typed.fail_fast || environment.fail_fast(),
        attempts: typed.attempts,
        repeat: typed.repeat,
        keep_logs: typed.keep_logs.into(),
        keep_sandbox: typed.keep_sandbox,
        stable: typed.stable,
        deadline: environment.deadline(),
        env: environment.of_programs(),
    };
    if let Err(error) = check_output_dir(&outputs.dir) {
        return fail(USAGE, error);
    }
    remove_earlier(&outputs);

    let stdout = io::stdout();
    let live = stdout.is_terminal() && environment.get("TERM") != Some("dumb");
    let mut stdout = anstream::AutoStream::auto(stdout.lock());
    let chosen = (selected.as_slice(), typed.repeat);
    let mut terminal = Terminal::new(&mut stdout, &loaded, chosen, live, typed.stable, environment.rerun());
    // Who does not listen (a closed pipe) is not told; the reports are written all the same.
    let outcome = run_cases(&loaded.cases, &selected, &options, zygote, &mut |progress| {
        let _ = terminal.progress(&progress);
    });
    let mut outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            environment.infrastructure_failure(&error.to_string());
            return fail(MACHINE, error);
        }
    };
    let report = Report {
        loaded: &loaded,
        outcome: &outcome,
        stable: typed.stable,
        date: environment.date(),
        logs_below: &outputs.below,
    };
    if let Err(message) = write_reports(&report, &outputs) {
        outcome.faults.push(message);
    }
    let _ = terminal.finish(&outcome, &outputs.shown);
    for file in loaded.without_cases.iter().filter(|_| loaded.broken.is_empty()) {
        anstream::eprintln!("{file} has no cases and was passed over");
    }
    let _ = stdout.flush();
    let status = status(&loaded, &outcome);
    if status == MACHINE {
        environment.infrastructure_failure(outcome.faults.first().map_or("see the report", String::as_str));
    }
    // The process is about to end: to free thousands of cases piece by piece would be lost time.
    std::mem::forget((loaded, outcome));
    status
}

/// The paths to load; without any, the working directory.
pub(crate) fn paths(typed: &[PathBuf]) -> Vec<PathBuf> {
    if typed.is_empty() { vec![PathBuf::from(".")] } else { typed.to_vec() }
}

/// What is selected by flags, and what by Bazel's environment where no flag is given.
pub(crate) fn selection(typed: SelectionOptions, environment: &Environment) -> Result<Selection, String> {
    let filter =
        match (typed.filter, environment.get("TESTBRIDGE_TEST_ONLY")) {
            (Some(filter), _) => Some(filter),
            (None, Some(filter)) => Some(regex::Regex::new(filter).map_err(|error| {
                format!("--test_filter (TESTBRIDGE_TEST_ONLY) is not a regular expression: {error}")
            })?),
            (None, None) => None,
        };
    let shard = typed.shard.or_else(|| environment.shard().map(|(index, of)| Shard { index, of }));
    Ok(Selection { filter, shard })
}

fn outputs(typed: &RunOptions, environment: &Environment) -> Outputs {
    let undeclared = environment.get("TEST_UNDECLARED_OUTPUTS_DIR").map(PathBuf::from);
    let undeclared = undeclared.filter(|_| typed.output_dir.is_none());
    let only_on_failure = undeclared.is_some();
    let shown = undeclared.as_deref().map(after_the_test);
    let dir = undeclared.or_else(|| typed.output_dir.clone()).unwrap_or_else(|| "foresee-out".into());
    let shown = shown.unwrap_or_else(|| dir.clone());
    let dir = environment.cwd.join(dir);
    let junit = typed.junit.as_ref().map(|junit| environment.cwd.join(junit));
    let junit = junit.or_else(|| environment.path("XML_OUTPUT_FILE")).unwrap_or_else(|| dir.join("junit.xml"));
    let shown = shown.display().to_string();
    let shown = shown.trim_end_matches('/').to_owned();
    // Jenkins and GitLab look for attachments from where they run the command. An absolute path means nothing to them,
    // and reports that are to be compared name no directory.
    let below = if dir == Path::new(&shown) || typed.stable { String::new() } else { format!("{shown}/") };
    Outputs { dir, shown, junit, only_on_failure, below }
}

/// Where a person finds a directory of Bazel's test outputs, once the sandbox that it was in is gone.
fn after_the_test(dir: &Path) -> PathBuf {
    let text = dir.to_string_lossy();
    text.split_once("/testlogs/").map_or_else(|| dir.to_owned(), |(_, rest)| Path::new("bazel-testlogs").join(rest))
}

/// A report of an earlier run must not be taken for this one's, should this one be killed.
fn remove_earlier(outputs: &Outputs) {
    for path in [&outputs.junit, &outputs.dir.join("results.json")] {
        let _ = std::fs::remove_file(path);
    }
}

fn write_reports(report: &Report<'_>, outputs: &Outputs) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("can't write {}: {error}", path.display());
    let outcome = report.outcome;
    let held = outcome.cases.iter().all(|case| case.held() && case.logs.is_empty())
        && report.loaded.broken.is_empty()
        && outcome.signal.is_none()
        && outcome.faults.is_empty();
    let nothing_to_tell = outputs.only_on_failure && held;
    if !nothing_to_tell || !outputs.junit.starts_with(&outputs.dir) {
        write_whole(&outputs.junit, |to| junit(report, to)).map_err(|error| failed(&outputs.junit, error))?;
    }
    if nothing_to_tell {
        return Ok(());
    }
    let path = outputs.dir.join("results.json");
    write_whole(&path, |to| results(report, to)).map_err(|error| failed(&path, error))
}

/// The highest exit status that applies.
fn status(loaded: &Loaded, outcome: &RunOutcome) -> u8 {
    if let Some(signal) = outcome.signal {
        return exit::signal(signal);
    }
    let problems = || outcome.cases.iter().flat_map(|case| case.problems()).map(|(_, problem)| problem.kind);
    let nothing = loaded.cases.is_empty();
    if !outcome.faults.is_empty() || problems().any(Kind::is_machine) {
        MACHINE
    } else if !loaded.broken.is_empty() || nothing {
        if nothing && loaded.broken.is_empty() {
            return fail(USAGE, "there is nothing to run: no manifest with cases was found");
        }
        USAGE
    } else if problems().next().is_some() {
        FAILED
    } else {
        HELD
    }
}
