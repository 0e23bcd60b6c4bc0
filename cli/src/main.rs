//! `foresee`: from the command line to an exit status.
//!
//! The environment is read in `environment`, and nowhere else; only this crate prints.

#[cfg(target_env = "musl")]
mod allocator;
mod args;
mod check;
mod doctor;
mod environment;
mod exit;
mod list;
mod logs;
#[cfg(all(target_arch = "x86_64", any(target_env = "musl", test)))]
mod memory;
mod nix;
mod run;

use std::process::ExitCode;

use foresee_rules::run::Zygote;

use self::args::{Command, parse};
use self::environment::Environment;

fn main() -> ExitCode {
    // Before anything else is allocated: the zygote is forked, and so are its children.
    let runs_cases = std::env::args_os().nth(1).is_some_and(|word| word == "run" || word == "doctor");
    let zygote = runs_cases.then(Zygote::start);
    let environment = Environment::read();
    let status = match parse(&environment) {
        Ok(Command::Run(options)) => run::run(*options, &environment, zygote.unwrap_or_else(Zygote::start)),
        Ok(Command::Check(options)) => check::check(&options, &environment),
        Ok(Command::List(options)) => list::list(&options, &environment),
        Ok(Command::Logs(options)) => logs::logs(&options, &environment),
        Ok(Command::Nix(mode)) => nix::build(mode, &environment),
        Ok(Command::Doctor(options)) => doctor::doctor(options, &environment, zygote.unwrap_or_else(Zygote::start)),
        Ok(Command::Schema) => list::schema(),
        Err(status) => status,
    };
    ExitCode::from(status)
}
