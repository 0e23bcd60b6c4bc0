//! `interleave ROUNDS COMMAND -- COMMAND [-- COMMAND]...`
//!
//! Runs the commands one after the other, ROUNDS times, after one round that does not count, and prints the times in
//! milliseconds: a line for each round, a column for each command. The last line has the most memory in KiB that any process
//! had resident. What the machine does besides hits all commands of a round alike; so ratios are made of rounds.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (rounds, commands) = args.split_first().ok_or("ROUNDS COMMAND -- COMMAND...")?;
    let commands: Vec<_> = commands.split(|word| word == "--").collect();
    for round in 0..=rounds.parse()? {
        let mut times = Vec::new();
        for command in &commands {
            let (program, args) = command.split_first().ok_or("an empty command")?;
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
            let began = Instant::now();
            let status = command.status().map_err(|error| format!("{program}: {error}"))?;
            times.push(format!("{:.3}", began.elapsed().as_secs_f64() * 1000.0));
            // A benchmark of something that fails measures nothing; 1 is a failed test, which some of them are about.
            if !matches!(status.code(), Some(0 | 1)) {
                return Err(format!("{command:?}: {status}").into());
            }
        }
        if round > 0 {
            println!("{}", times.join(" "));
        }
    }
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}
