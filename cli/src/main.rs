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

use self::args::{Command, parse};
use self::environment::Environment;

fn main() -> ExitCode {
    let environment = Environment::read();
    let status = match parse(&environment) {
        Ok(Command::Run(options)) => run::run(*options, &environment),
        Ok(Command::Check(options)) => check::check(&options, &environment),
        Ok(Command::List(options)) => list::list(&options, &environment),
        Ok(Command::Logs(options)) => logs::logs(&options, &environment),
        Ok(Command::Nix(mode)) => nix::build(mode, &environment),
        Ok(Command::Doctor(options)) => doctor::doctor(options, &environment),
        Ok(Command::Schema) => list::schema(),
        Err(status) => status,
    };
    ExitCode::from(status)
}
