//! The report of tests: they are run, and the derivation succeeds whatever their outcome.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde::Deserialize;

use super::attributes::Attributes;
use super::tests::Tests;
use super::{Failure, about, junit, relay};
use crate::environment::Environment;
use crate::exit::{HELD, MACHINE, USAGE};

/// What `nix/lib/private/check.nix` says of a report.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Of the test.
    name: String,
    tests: Tests,
    /// For `foresee run`.
    flags: Vec<String>,
    /// Seconds after which Nix may kill the build.
    build_timeout: u64,
    /// Seconds of silence after which Nix may kill the build.
    heartbeat: u64,
    /// Whether the derivation fails when the tests do.
    fail: bool,
}

/// Runs the tests and writes their report.
pub(super) fn build(attributes: &Attributes<Report>, environment: &Environment) -> Result<u8, Failure> {
    let report = &attributes.foresee;
    let out = attributes.out();
    let top = environment.path("NIX_BUILD_TOP").unwrap_or_else(env::temp_dir);
    let layout = report.tests.lay_out(&top.join("manifest"), &format!("{}.json", report.name))?;

    let this = env::current_exe().map_err(|error| Failure::machine(format!("can't find foresee itself: {error}")))?;
    let mut command = Command::new(&this);
    command
        .arg("run")
        .args(&report.flags)
        .arg("--output-dir")
        .arg(out)
        .arg("--sandbox-dir")
        .arg(top.join("sandbox"))
        .arg("--")
        .arg(&layout.path)
        .current_dir(&layout.dir)
        .envs(&layout.env)
        .env("TEST_TIMEOUT", report.build_timeout.to_string());
    if let Some(seconds) = &attributes.source_date_epoch {
        command.env("SOURCE_DATE_EPOCH", seconds.to_string());
    }
    let heartbeat = Duration::from_secs(report.heartbeat.max(1));
    let status = relay::run(&mut command, &mut io::stderr(), heartbeat).map_err(about("run", &this))?;

    let code = exit_code(status);
    if code > USAGE {
        // Nothing that is worth keeping: a report that told of the machine's fault would be in the store for ever.
        return Ok(code);
    }
    let file = out.join("junit.xml");
    let text = fs::read_to_string(&file).map_err(about("read", &file))?;
    let told = junit::tell(&text, "nix-sandbox", sandbox()).map_err(about("read", &file))?;
    fs::write(&file, told).map_err(about("write", &file))?;
    tell_hydra(out, code)?;
    if report.fail && code != HELD {
        eprintln!(
            "foresee: the report may be found in {} until Nix builds or collects it; to keep reports of failures, leave out `cacheFailures = false`",
            out.display()
        );
        return Ok(code);
    }
    Ok(HELD)
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(MACHINE)
}

/// Whether Nix runs this build in its sandbox, which it does not on every machine.
///
/// On Linux the builder is the first process of a pid namespace then. Elsewhere it can't be told.
fn sandbox() -> &'static str {
    match (cfg!(target_os = "linux"), std::process::id()) {
        (true, 1) => "on",
        (true, _) => "off",
        (false, _) => "unknown",
    }
}

/// Writes what Hydra shows, and the mark of a build that succeeded though its tests failed.
fn tell_hydra(out: &Path, code: u8) -> Result<(), Failure> {
    let support = out.join("nix-support");
    fs::create_dir_all(&support).map_err(about("make the directory", &support))?;
    let mut products = String::new();
    for (kind, path) in [
        ("file junit", "junit.xml"),
        ("file json", "results.json"),
        ("file json", "logs.json"),
        ("report logs", "failed"),
    ] {
        let path = out.join(path);
        if path.exists() {
            // Writing to a string doesn't fail.
            let _ = writeln!(products, "{kind} {}", path.display());
        }
    }
    let file = support.join("hydra-build-products");
    fs::write(&file, products).map_err(about("write", &file))?;
    if code != HELD {
        let file = support.join("failed");
        fs::write(&file, format!("{code}\n")).map_err(about("write", &file))?;
    }
    Ok(())
}
