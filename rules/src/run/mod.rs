//! The supervisor: decides what runs, when and for how long, and turns what happens into outcomes.
//!
//! One thread, one `poll` over the zygote, the executors and the signals. The executors do the work; whatever becomes of
//! them, every selected case gets an outcome.

mod conclude;
mod isolate;
mod job;
mod select;
mod supervisor;
mod zygote;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use self::conclude::Concluder;
pub use self::isolate::isolation;
pub use self::select::{Selection, Shard};
use self::supervisor::{Supervisor, Task};
pub use self::zygote::Zygote;
use crate::artifacts::Keep;
use crate::case::Case;
use crate::outcome::CaseOutcome;
use crate::sandbox::{Ladder, RunDir, Wanted};

/// How cases are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where cases get their directories.
    pub sandbox_dir: PathBuf,
    /// Where results and kept logs go.
    pub output_dir: PathBuf,
    /// How much isolation is wanted.
    pub isolation: Wanted,
    /// Whether cases may use the host's network although full isolation is wanted.
    pub allow_host_network: bool,
    /// The caller's home directory, which cases don't see.
    pub home: Option<PathBuf>,
    /// How many cases run at once; at least 1.
    pub jobs: usize,
    /// Whether no further case begins after one has failed.
    pub fail_fast: bool,
    /// How often a case may be tried, instead of what manifests say.
    pub attempts: Option<u32>,
    /// How often each case is run.
    pub repeat: u32,
    /// Which logs are kept.
    pub keep_logs: Keep,
    /// Whether the sandbox directories stay.
    pub keep_sandbox: bool,
    /// Whether what varies from run to run is masked.
    pub stable: bool,
    /// How long the whole run may take.
    pub deadline: Option<Duration>,
    /// The environment that every process has, before the case's own and but for HOME and TMPDIR.
    pub env: BTreeMap<String, String>,
}

/// What became of a run.
#[derive(Debug, Default)]
pub struct RunOutcome {
    /// One for each selected case and repetition, in order.
    pub cases: Vec<CaseOutcome>,
    /// The signal that ended the run.
    pub signal: Option<i32>,
    /// What foresee itself could not do: keep a log, remove a directory.
    pub faults: Vec<String>,
    /// Where the sandbox directories stayed.
    pub sandbox: Option<PathBuf>,
    /// How long it took.
    pub time: Duration,
}

/// Runs the cases with the indices `selected`. `told` gets every outcome as soon as all before it are there.
///
/// # Errors
///
/// When the run can't even begin: the sandbox or the output directory can't be used.
pub fn run(
    cases: &[Case],
    selected: &[usize],
    options: &Options,
    zygote: &Zygote,
    told: &mut dyn FnMut(Progress<'_>),
) -> io::Result<RunOutcome> {
    let began = Instant::now();
    let signals = watch_signals()?;
    let run_dir = RunDir::create(&options.sandbox_dir).map_err(|error| {
        let dir = options.sandbox_dir.display();
        let reason = error.raw_os_error().map_or_else(|| error.to_string(), |e| Errno::from_raw(e).desc().to_owned());
        let message = format!("the sandbox directory `{dir}` can't be used: {reason}; name another with --sandbox-dir");
        io::Error::new(error.kind(), message)
    })?;
    let mut waiting = VecDeque::new();
    for repetition in 1..=options.repeat.max(1) {
        for case in selected {
            let repetition = (options.repeat > 1).then_some(repetition);
            waiting.push_back(Task { position: waiting.len(), case: *case, repetition });
        }
    }
    let concluder = match Concluder::new(cases, options, run_dir.path()) {
        Ok(concluder) => concluder,
        Err(error) => {
            let _ = run_dir.remove();
            return Err(error);
        }
    };
    let mut supervisor = Supervisor {
        cases,
        options,
        zygote,
        zygote_gone: false,
        ladder: Ladder::new(options.isolation),
        signals,
        waiting,
        running: BTreeMap::new(),
        attempts: BTreeMap::new(),
        over: Vec::new(),
        done: BTreeMap::new(),
        closed: None,
        signal: None,
        deadline: options.deadline.map(|deadline| began + deadline),
        concluder,
        run_dir,
    };
    let cases = supervisor.supervise(told)?;
    let Supervisor { concluder, run_dir, signal, .. } = supervisor;
    let mut faults = concluder.finish(&cases);
    let mut sandbox = None;
    if options.keep_sandbox {
        sandbox = Some(run_dir.path().to_owned());
    } else if let Err(error) = run_dir.remove() {
        faults.push(format!("can't remove the sandbox directory: {error}"));
    }
    Ok(RunOutcome { cases, signal, faults, sandbox, time: began.elapsed() })
}

/// What is told while cases run.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A case is over, and so are all before it.
    Case(&'a CaseOutcome),
    /// These cases run now; so many are over.
    Running(Vec<&'a Case>, usize),
}

/// SIGTERM, SIGINT and SIGHUP as a descriptor. Those that the caller has ignored stay ignored, but for SIGTERM.
fn watch_signals() -> io::Result<SignalFd> {
    crate::process::unignore(libc::SIGTERM);
    // A blocked signal reaches the descriptor even when it is ignored, so it must not be asked for.
    let wanted = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];
    let mask: SigSet = wanted.into_iter().filter(|signal| !crate::process::is_ignored(*signal as i32)).collect();
    mask.thread_block()?;
    Ok(SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}
