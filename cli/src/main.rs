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

use std::io;
use std::process::ExitCode;

use foresee_rules::run::Zygote;
use foresee_rules::sandbox::Wanted;

use self::args::{Command, parse};
use self::environment::Environment;

fn main() -> ExitCode {
    let zygote = start_early();
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

/// Forks the zygote before anything else is allocated, which it and its children would get copies of. What the command line
/// asks for is only guessed: an executor that turns out unfit is not used.
fn start_early() -> Option<io::Result<Zygote>> {
    let mut words = std::env::args_os().skip(1);
    words.next().filter(|word| word == "run" || word == "doctor")?;
    let zygote = Zygote::start();
    if let Ok(zygote) = &zygote {
        let none = words.any(|word| word == "--isolation=none" || word == "none");
        zygote.prepare(if none { Wanted::None } else { Wanted::Auto });
    }
    Some(zygote)
}
