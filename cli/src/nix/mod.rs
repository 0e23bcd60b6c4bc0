//! foresee as the builder of Nix derivations: what `nix/lib` makes is run by these commands, see `docs/nix.md`.
//!
//! A test is two derivations. The *report* runs the tests, by `foresee run` as a child process, and succeeds whatever their
//! outcome, so that Nix keeps what it wrote; the *gate* reads the report and fails when they did.

mod attributes;
mod gate;
mod interactive;
mod junit;
mod merge;
mod relay;
mod report;
mod tests;

use std::fmt::Display;
use std::path::Path;

use ::nix::sys::stat::{Mode as Permissions, umask};
use clap::Subcommand;

use self::attributes::read;
use crate::environment::Environment;
use crate::exit::{MACHINE, USAGE, fail};

/// What a derivation of `nix/lib` is for.
#[derive(Clone, Copy, Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Mode {
    /// Run the tests, write their report and succeed.
    Report,
    /// Fail when a report tells of failed tests.
    Gate,
    /// Write the manifest with the files it refers to.
    Manifest,
    /// Write a program that runs the tests.
    Interactive,
    /// Make one report of several.
    Merge,
}

/// Builds the derivation whose attributes are in the build directory. Returns the exit status.
pub(crate) fn build(mode: Mode, environment: &Environment) -> u8 {
    // Nix refuses an output that others may write to.
    umask(Permissions::S_IWGRP | Permissions::S_IWOTH);
    let built = match mode {
        Mode::Report => read(environment).and_then(|attributes| report::build(&attributes, environment)),
        Mode::Gate => read(environment).and_then(|attributes| gate::build(&attributes)),
        Mode::Manifest => read(environment).and_then(|attributes| interactive::build_manifest(&attributes)),
        Mode::Interactive => read(environment).and_then(|attributes| interactive::build(&attributes)),
        Mode::Merge => read(environment).and_then(|attributes| merge::build(&attributes)),
    };
    built.unwrap_or_else(|failure| fail(failure.status, failure.message))
}

/// Why a derivation can't be built; none of it is about the outcome of tests.
#[derive(Debug)]
struct Failure {
    /// The exit status.
    status: u8,
    message: String,
}

impl Failure {
    /// The caller is at fault.
    fn usage(message: impl Into<String>) -> Self {
        Self { status: USAGE, message: message.into() }
    }

    /// The machine is at fault.
    fn machine(message: impl Into<String>) -> Self {
        Self { status: MACHINE, message: message.into() }
    }
}

/// Turns an error about a file into a failure that names it.
fn about<E: Display>(what: &str, path: &Path) -> impl FnOnce(E) -> Failure {
    let message = format!("can't {what} {}", path.display());
    move |error| Failure::machine(format!("{message}: {error}"))
}
