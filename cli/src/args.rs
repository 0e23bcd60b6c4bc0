//! The command line, as it was typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use foresee_rules::artifacts::Keep;
use foresee_rules::run::Shard;
use foresee_rules::sandbox::Wanted;
use regex::Regex;

use crate::environment::Environment;
use crate::exit::{HELD, USAGE};
use crate::nix::Mode;

/// Run integration tests in which nothing unforeseen may happen.
#[derive(Debug, Parser)]
#[command(name = "foresee", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Only the arguments of the command that is given are ever built.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Run cases
    Run(Box<RunOptions>),
    /// Load and lint manifests, run nothing
    Check(CheckOptions),
    /// Print the test cases, by name
    List(ListOptions),
    /// Look at the logs that a run has kept
    Logs(LogsOptions),
    /// Show what isolation this machine gives, and why not more
    Doctor(DoctorOptions),
    /// Print the JSON Schema of the manifest
    Schema,
    /// Build a derivation of foresee's Nix library
    #[command(subcommand, hide = true)]
    Nix(Mode),
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Manifests, or directories to search for `test*.yml` and `test*.yaml` (the working directory)
    pub(crate) paths: Vec<PathBuf>,
    /// Where cases get their directories ($TEST_TMPDIR, or a temporary directory)
    #[arg(long, value_name = "DIR")]
    pub(crate) sandbox_dir: Option<PathBuf>,
    /// Where results and kept logs go ($TEST_UNDECLARED_OUTPUTS_DIR, or foresee-out)
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Where the JUnit XML goes ($XML_OUTPUT_FILE, or junit.xml in the output directory)
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// How much isolation: all of it or nothing runs, the best to be had, or none for debugging
    #[arg(long, value_name = "LEVEL", default_value = "auto")]
    pub(crate) isolation: IsolationLevel,
    /// Let cases that ask for it use the host's network, also with `--isolation full`
    #[arg(long)]
    pub(crate) allow_host_network: bool,
    #[command(flatten)]
    pub(crate) selection: SelectionOptions,
    /// How many cases run at once (the cores; 1 under Bazel, $NIX_BUILD_CORES under Nix)
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobs: Option<u32>,
    /// Begin no further case after one has failed
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// How often a case may be tried, instead of what manifests say
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempts: Option<u32>,
    /// How often each case is run
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// Which logs are kept
    #[arg(long, value_name = "WHICH", default_value = "failed")]
    pub(crate) keep_logs: KeepLogs,
    /// Leave the directories of the cases where they are
    #[arg(long)]
    pub(crate) keep_sandbox: bool,
    /// Mask times, dates, ports, pids and directories, so that two runs can be compared byte by byte
    #[arg(long)]
    pub(crate) stable: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SelectionOptions {
    /// Only cases whose `FILE :: CASE` this regular expression matches somewhere
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<Regex>,
    /// Only every N-th of them, beginning with number K
    #[arg(long, value_name = "K/N", value_parser = parse_shard)]
    pub(crate) shard: Option<Shard>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// Manifests, or directories to search for `test*.yml` and `test*.yaml` (the working directory)
    pub(crate) paths: Vec<PathBuf>,
    /// Take lints for errors
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Manifests, or directories to search for `test*.yml` and `test*.yaml` (the working directory)
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: SelectionOptions,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the case that finds it out gets its directories ($TEST_TMPDIR, or a temporary directory)
    #[arg(long, value_name = "DIR")]
    pub(crate) sandbox_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsOptions {
    #[command(subcommand)]
    pub(crate) command: LogsCommand,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum LogsCommand {
    /// List the kept logs
    Ls(LogsDir),
    /// Print a kept log: by the beginning of its digest, or by `CLASSNAME/PROCESS.STREAM`
    Cat {
        /// The beginning of a digest, or the end of `CLASSNAME/PROCESS.STREAM`
        which: String,
        #[command(flatten)]
        dir: LogsDir,
    },
    /// Hash every kept log again, and compare
    Verify(LogsDir),
    /// Remove logs that are no longer in the `failed` directory
    Gc(LogsDir),
}

#[derive(Debug, Args)]
pub(crate) struct LogsDir {
    /// The output directory of the run
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum IsolationLevel {
    Full,
    Auto,
    None,
}

impl From<IsolationLevel> for Wanted {
    fn from(level: IsolationLevel) -> Self {
        match level {
            IsolationLevel::Full => Self::Full,
            IsolationLevel::Auto => Self::Auto,
            IsolationLevel::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeepLogs {
    Failed,
    Always,
    Never,
}

impl From<KeepLogs> for Keep {
    fn from(which: KeepLogs) -> Self {
        match which {
            KeepLogs::Failed => Self::Failed,
            KeepLogs::Always => Self::Always,
            KeepLogs::Never => Self::Never,
        }
    }
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    let parsed = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((index, of)) if index >= 1 && index <= of => Ok(Shard { index, of }),
        _ => Err("write K/N with 1 ≤ K ≤ N, such as 1/4".into()),
    }
}

/// What is to be done; or the exit status, when that was said already.
pub(crate) fn parse(environment: &Environment) -> Result<Command, u8> {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    if args.is_empty() {
        args.push("foresee".into());
    }
    // Called under another name, with a manifest beside it: `run` of that manifest with the flags given.
    if let Some(manifest) = environment.manifest_beside() {
        args.splice(1..1, ["run".into(), manifest.into_os_string()]);
    }
    let matches = Cli::command().try_get_matches_from(args);
    match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => Ok(cli.command),
        Err(error) => {
            let _ = error.print();
            Err(if error.use_stderr() { USAGE } else { HELD })
        }
    }
}
