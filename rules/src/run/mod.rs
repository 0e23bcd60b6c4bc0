//! The supervisor: decides what runs, when and for how long, and turns what happens into outcomes.
//!
//! One thread, one `poll` over the zygote, the executors and the signals. The executors do the work; whatever becomes of
//! them, every selected case gets an outcome.

mod conclude;
mod isolate;
mod job;
mod select;
mod zygote;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use self::conclude::Concluder;
pub use self::isolate::isolation;
use self::job::{Attempt, Job};
pub use self::select::{Selection, Shard};
use self::zygote::News;
pub use self::zygote::Zygote;
use crate::artifacts::Keep;
use crate::case::{Case, Network, PortKind, signal_name};
use crate::outcome::{CaseOutcome, Kind, Problem};
use crate::sandbox::{Ladder, Place, RunDir, Wanted};

/// How long an executor may take to end a case that is to be stopped, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_millis(1200);

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

/// A case that is to be run.
#[derive(Clone, Copy, Debug)]
struct Task {
    /// Position in the order of reports.
    position: usize,
    case: usize,
    repetition: Option<u32>,
}

struct Supervisor<'a> {
    cases: &'a [Case],
    options: &'a Options,
    zygote: &'a Zygote,
    zygote_gone: bool,
    ladder: Ladder,
    run_dir: RunDir,
    signals: SignalFd,
    waiting: VecDeque<Task>,
    /// By the number of the executor.
    running: BTreeMap<u32, (Task, Job)>,
    /// The attempts so far at cases that are not over, by position.
    attempts: BTreeMap<usize, Vec<Attempt>>,
    /// Why nothing further begins.
    closed: Option<String>,
    signal: Option<i32>,
    deadline: Option<Instant>,
    concluder: Concluder<'a>,
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

impl<'a> Supervisor<'a> {
    fn supervise(&mut self, told: &mut dyn FnMut(Progress<'_>)) -> io::Result<Vec<CaseOutcome>> {
        let mut done: BTreeMap<usize, CaseOutcome> = BTreeMap::new();
        let mut outcomes: Vec<CaseOutcome> = Vec::new();
        loop {
            for (position, outcome) in self.begin_what_can() {
                done.insert(position, outcome);
            }
            while let Some(outcome) = done.remove(&outcomes.len()) {
                told(Progress::Case(&outcome));
                outcomes.push(outcome);
            }
            if self.running.is_empty() && self.waiting.is_empty() {
                return Ok(outcomes);
            }
            if self.running.is_empty() {
                continue;
            }
            told(Progress::Running(
                self.running.values().map(|(task, _)| &self.cases[task.case]).collect(),
                outcomes.len(),
            ));
            for (position, outcome) in self.wait()? {
                done.insert(position, outcome);
            }
        }
    }

    /// Begins as many cases as may run now. Those that can't be begun, or may not any more, have their outcome at once.
    fn begin_what_can(&mut self) -> Vec<(usize, CaseOutcome)> {
        let mut outcomes = Vec::new();
        if let Some(reason) = self.closed.clone() {
            for task in std::mem::take(&mut self.waiting) {
                outcomes.push((task.position, self.concluder.not_run(task.case, task.repetition, &reason)));
            }
            return outcomes;
        }
        let mut index = 0;
        while self.running.len() < self.options.jobs.max(1) && index < self.waiting.len() {
            let task = self.waiting[index];
            let case = &self.cases[task.case];
            if let Some(reason) = &case.skip {
                outcomes.push((task.position, self.concluder.not_run(task.case, task.repetition, reason)));
                self.waiting.remove(index);
            } else if self.shares_port(case) {
                index += 1;
            } else {
                self.waiting.remove(index);
                outcomes.extend(self.begin(task));
            }
            if self.closed.is_some() {
                break;
            }
        }
        outcomes
    }

    /// Whether a running case holds a fixed port that this one wants. With a network of its own, no case does.
    fn shares_port(&self, case: &Case) -> bool {
        if case.sandbox.network == Network::Private && self.ladder.gives_network() {
            return false;
        }
        let fixed = |case: &Case| -> Vec<u16> {
            let number = |port: &crate::case::Port| match port.kind {
                PortKind::Fixed(number) => Some(number),
                _ => None,
            };
            case.ports.iter().filter_map(number).collect()
        };
        let wanted = fixed(case);
        !wanted.is_empty()
            && self.running.values().any(|(task, _)| fixed(&self.cases[task.case]).iter().any(|p| wanted.contains(p)))
    }

    /// Begins an attempt; gives an outcome when that is impossible.
    fn begin(&mut self, task: Task) -> Option<(usize, CaseOutcome)> {
        let case = &self.cases[task.case];
        let name = match self.attempts.get(&task.position).map_or(0, Vec::len) {
            0 => task.position.to_string(),
            earlier => format!("{}-{}", task.position, earlier + 1),
        };
        let root = self.run_dir.path().join(&name);
        if let Some(problem) = self.forbidden(case) {
            return self.conclude(task, Attempt::impossible(case, Place::at(&root), problem));
        }
        match self.assign(case, &root) {
            Ok((executor, job)) => {
                self.running.insert(executor, (task, job));
                if let Some(next) = self.waiting.front() {
                    self.zygote.spare(self.ladder.facets(&self.cases[next.case]));
                }
                None
            }
            Err(error) => {
                let problem = Problem::new(Kind::Internal, case.span, format!("the case can't be begun: {error}"));
                self.conclude(task, Attempt::impossible(case, Place::at(&root), problem))
            }
        }
    }

    /// Gives `case` a place below `root` and an executor.
    fn assign(&mut self, case: &Case, root: &Path) -> io::Result<(u32, Job)> {
        let short = Place::needs_short(root, case).then(|| self.run_dir.short());
        let short = short.transpose()?.zip(root.file_name()).map(|(short, name)| short.join(name));
        let place = Place::create(root, case, short)?;
        let env = self.options.env.clone().into_iter().chain(place.env()).chain(case.inherited.iter().cloned());
        let sandbox = self.order(case);
        let (executor, socket) = self.zygote.executor(sandbox.facets)?;
        let keep_all = self.options.keep_logs == Keep::Always;
        Ok((executor, Job::begin(case, place, env.collect(), sandbox, keep_all, socket)?))
    }

    /// Waits for whatever comes next. Returns what came to its end.
    fn wait(&mut self) -> io::Result<Vec<(usize, CaseOutcome)>> {
        let executors: Vec<u32> = self.running.keys().copied().collect();
        let readable = {
            let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            fds.extend(self.running.values().map(|(_, job)| PollFd::new(job.fd(), PollFlags::POLLIN)));
            if !self.zygote_gone {
                // Once it is gone, its descriptor is readable for ever.
                fds.push(PollFd::new(self.zygote.fd().as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, self.patience()) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            fds.iter().map(|fd| fd.revents().is_some_and(|events| !events.is_empty())).collect::<Vec<_>>()
        };
        if readable[0] {
            self.take_signals();
        }
        let mut ended = Vec::new();
        for (executor, _) in executors.iter().zip(&readable[1..]).filter(|(_, readable)| **readable) {
            let Some((_, job)) = self.running.get_mut(executor) else { continue };
            job.read();
            if job.isolation.is_some() {
                self.ladder.held();
            }
            // That the executor itself is about to be gone need not be waited for: nothing of its case is left.
            if job.is_finished() {
                ended.extend(self.over(*executor, None));
            }
        }
        if readable[executors.len() + 1..].contains(&true) {
            match self.zygote.news() {
                News::Ended(executor, exit) => ended.extend(self.over(executor, Some(exit))),
                News::Failed(executor, error, refusals) => {
                    ended.extend(self.failed_to_fork(executor, &error, &refusals))
                }
                News::Gone => {
                    self.zygote_gone = true;
                    self.stop(Kind::Internal, "foresee's zygote process is gone");
                }
            }
        }
        if self.zygote_gone {
            // Nobody will tell of their ends any more.
            for executor in self.running.keys().copied().collect::<Vec<_>>() {
                if self.running.get_mut(&executor).is_some_and(|(_, job)| !job.read()) {
                    ended.extend(self.over(executor, None));
                }
            }
        }
        self.look_at_the_clock();
        Ok(ended)
    }

    /// How long `poll` may wait.
    fn patience(&self) -> PollTimeout {
        let stops = self.running.values().filter_map(|(_, job)| Some(job.stopped? + STOP_PATIENCE));
        let Some(next) = stops.chain(self.deadline.filter(|_| self.closed.is_none())).min() else {
            return PollTimeout::NONE;
        };
        let millis = next.saturating_duration_since(Instant::now()).as_millis() + 1;
        PollTimeout::try_from(i32::try_from(millis).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX)
    }

    fn take_signals(&mut self) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            let signal = i32::try_from(info.ssi_signo).unwrap_or(libc::SIGTERM);
            if self.signal.is_some() {
                // Asked twice: no more patience.
                self.running.keys().for_each(|executor| self.zygote.kill(*executor));
            }
            self.signal.get_or_insert(signal);
            self.stop(Kind::Interrupted, &format!("the run was ended by {}", signal_name(signal)));
        }
    }

    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        if self.closed.is_none() && self.deadline.is_some_and(|deadline| now >= deadline) {
            let limit = self.options.deadline.unwrap_or_default();
            self.stop(Kind::Timeout, &format!("the run took longer than its deadline of {limit:?}"));
        }
        for (executor, (_, job)) in &mut self.running {
            if job.stopped.is_some_and(|stopped| now >= stopped + STOP_PATIENCE) {
                self.zygote.kill(*executor);
                job.stopped = Some(now);
            }
        }
    }

    /// Ends what runs, and begins nothing more.
    fn stop(&mut self, kind: Kind, reason: &str) {
        self.closed.get_or_insert_with(|| reason.to_owned());
        for (_, job) in self.running.values_mut() {
            job.stop(kind, reason);
        }
    }

    /// An executor is gone, or has said its last word.
    fn over(&mut self, executor: u32, exit: Option<crate::case::Exit>) -> Option<(usize, CaseOutcome)> {
        let (task, mut job) = self.running.remove(&executor)?;
        // Its last words may still be on their way.
        job.read();
        if let Some(unfit) = &job.unfit {
            self.ladder.unfit(unfit);
            return self.again(task, &job);
        }
        let attempt = job.finish(&self.cases[task.case], exit);
        self.conclude(task, attempt)
    }

    /// An attempt is over: either there is another one, or the case has its outcome.
    fn conclude(&mut self, task: Task, attempt: Attempt) -> Option<(usize, CaseOutcome)> {
        let case = &self.cases[task.case];
        let attempts = self.attempts.entry(task.position).or_default();
        let held = attempt.held();
        attempts.push(attempt);
        let allowed = self.options.attempts.unwrap_or(case.attempts).max(1);
        if !held && attempts.len() < allowed as usize && self.closed.is_none() {
            self.waiting.push_front(task);
            return None;
        }
        let attempts = self.attempts.remove(&task.position).unwrap_or_default();
        let outcome = self.concluder.conclude(task.case, task.repetition, attempts);
        if self.options.fail_fast && !outcome.held() {
            self.closed.get_or_insert_with(|| "not begun, for another case failed (--fail-fast)".to_owned());
        }
        Some((task.position, outcome))
    }
}
