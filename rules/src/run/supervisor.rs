//! The loop: what begins, what is waited for, what is ended.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;

use super::conclude::Concluder;
use super::job::{Attempt, Job};
use super::zygote::{News, Zygote};
use super::{Options, Progress};
use crate::artifacts::Keep;
use crate::case::{Case, Network, PortKind, signal_name};
use crate::outcome::{CaseOutcome, Kind, Problem};
use crate::sandbox::{Ladder, Place, RunDir};

/// How long an executor may take to end a case that is to be stopped, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_millis(1200);

/// A case that is to be run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// Position in the order of reports.
    pub(super) position: usize,
    pub(super) case: usize,
    pub(super) repetition: Option<u32>,
}

/// A run that is under way.
pub(super) struct Supervisor<'a> {
    pub(super) cases: &'a [Case],
    pub(super) options: &'a Options,
    pub(super) zygote: &'a Zygote,
    pub(super) zygote_gone: bool,
    pub(super) ladder: Ladder,
    pub(super) run_dir: RunDir,
    pub(super) signals: SignalFd,
    pub(super) waiting: VecDeque<Task>,
    /// By the number of the executor.
    pub(super) running: BTreeMap<u32, (Task, Job)>,
    /// The attempts so far at cases that are not over, by position.
    pub(super) attempts: BTreeMap<usize, Vec<Attempt>>,
    /// What is over, with its attempts, and has no outcome yet.
    pub(super) over: Vec<(Task, Vec<Attempt>)>,
    /// Outcomes, by position, that wait for one before them.
    pub(super) done: BTreeMap<usize, CaseOutcome>,
    /// Why nothing further begins.
    pub(super) closed: Option<String>,
    pub(super) signal: Option<i32>,
    pub(super) deadline: Option<Instant>,
    pub(super) concluder: Concluder<'a>,
}

impl<'a> Supervisor<'a> {
    /// Runs everything, and returns the outcomes in order.
    pub(super) fn supervise(&mut self, told: &mut dyn FnMut(Progress<'_>)) -> io::Result<Vec<CaseOutcome>> {
        let mut outcomes: Vec<CaseOutcome> = Vec::new();
        loop {
            if !self.may_overlap() {
                self.conclude();
            }
            self.begin_what_can();
            // What has begun runs meanwhile.
            self.conclude();
            while let Some(outcome) = self.done.remove(&outcomes.len()) {
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
            self.wait()?;
        }
    }

    /// Whether cases may begin before those that are over are tidied away: when they can't see them, or there is nothing to
    /// be seen.
    fn may_overlap(&self) -> bool {
        let hidden_from = |task: &Task| self.ladder.hides_files(&self.cases[task.case]);
        let left_nothing = |task: &Task| {
            let case = &self.cases[task.case];
            case.processes.is_empty() && case.inputs.is_empty()
        };
        self.waiting.iter().take(self.options.jobs).all(hidden_from)
            || self.over.iter().all(|(task, _)| left_nothing(task))
    }

    /// Begins as many cases as may run now. Those that can't be begun, or may not any more, have their outcome at once.
    fn begin_what_can(&mut self) {
        if let Some(reason) = self.closed.clone() {
            for task in std::mem::take(&mut self.waiting) {
                self.pass_over(task, &reason);
            }
            return;
        }
        let mut index = 0;
        while self.running.len() < self.options.jobs.max(1) && index < self.waiting.len() {
            let task = self.waiting[index];
            let case = &self.cases[task.case];
            if let Some(reason) = &case.skip {
                self.waiting.remove(index);
                self.pass_over(task, reason);
            } else if self.shares_port(case) {
                index += 1;
            } else {
                self.waiting.remove(index);
                self.begin(task);
            }
            if self.closed.is_some() {
                break;
            }
        }
    }

    /// The task is not begun at all.
    fn pass_over(&mut self, task: Task, reason: &str) {
        self.done.insert(task.position, self.concluder.not_run(task.case, task.repetition, reason));
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

    /// Begins an attempt.
    fn begin(&mut self, task: Task) {
        let case = &self.cases[task.case];
        let name = match self.attempts.get(&task.position).map_or(0, Vec::len) {
            0 => task.position.to_string(),
            earlier => format!("{}-{}", task.position, earlier + 1),
        };
        let root = self.run_dir.path().join(&name);
        if let Some(problem) = self.forbidden(case) {
            return self.tried(task, Attempt::impossible(case, Place::at(&root), problem));
        }
        match self.assign(case, &root) {
            Ok((executor, job)) => {
                self.running.insert(executor, (task, job));
                if let Some(next) = self.waiting.front() {
                    self.zygote.spare(self.ladder.facets(&self.cases[next.case]));
                }
            }
            Err(error) => {
                let problem = Problem::new(Kind::Internal, case.span, format!("the case can't be begun: {error}"));
                self.tried(task, Attempt::impossible(case, Place::at(&root), problem));
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

    /// Waits for whatever comes next.
    fn wait(&mut self) -> io::Result<()> {
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
        for (executor, _) in executors.iter().zip(&readable[1..]).filter(|(_, readable)| **readable) {
            let Some((_, job)) = self.running.get_mut(executor) else { continue };
            job.read();
            if job.isolation.is_some() {
                self.ladder.held();
            }
            // That the executor itself is about to be gone need not be waited for: nothing of its case is left.
            if job.is_finished() {
                self.ended(*executor, None);
            }
        }
        if readable[executors.len() + 1..].contains(&true) {
            while let Some(news) = self.zygote.news().filter(|_| !self.zygote_gone) {
                match news {
                    News::Ended(executor, exit) => self.ended(executor, Some(exit)),
                    News::Failed(executor, error, refusals) => self.failed_to_fork(executor, &error, &refusals),
                    News::Gone => {
                        self.zygote_gone = true;
                        self.stop(Kind::Internal, "foresee's zygote process is gone");
                    }
                }
            }
        }
        if self.zygote_gone {
            // Nobody will tell of their ends any more.
            for executor in self.running.keys().copied().collect::<Vec<_>>() {
                if self.running.get_mut(&executor).is_some_and(|(_, job)| !job.read()) {
                    self.ended(executor, None);
                }
            }
        }
        self.look_at_the_clock();
        Ok(())
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
    fn ended(&mut self, executor: u32, exit: Option<crate::case::Exit>) {
        let Some((task, mut job)) = self.running.remove(&executor) else { return };
        // Its last words may still be on their way.
        job.read();
        if let Some(unfit) = &job.unfit {
            self.ladder.unfit(unfit);
            return self.again(task, &job);
        }
        if job.undelivered {
            // It was killed while it had nothing to do. What killed it may have killed the others.
            self.zygote.dismiss();
            return self.again(task, &job);
        }
        let asked = job.asked;
        let (attempt, free) = job.finish(&self.cases[task.case], exit);
        // One that has ended since then takes no other case.
        if let Some(socket) = free.filter(|_| exit.is_none()) {
            self.zygote.free(executor, asked, socket);
        }
        self.tried(task, attempt);
    }

    /// An attempt is over: either there is another one, or the case is over as well.
    pub(super) fn tried(&mut self, task: Task, attempt: Attempt) {
        let mut attempts = self.attempts.remove(&task.position).unwrap_or_default();
        let held = attempt.held();
        attempts.push(attempt);
        let allowed = self.options.attempts.unwrap_or(self.cases[task.case].attempts).max(1);
        if !held && attempts.len() < allowed as usize && self.closed.is_none() {
            self.attempts.insert(task.position, attempts);
            self.waiting.push_front(task);
            return;
        }
        if self.options.fail_fast && !held {
            self.closed.get_or_insert_with(|| "not begun, for another case failed (--fail-fast)".to_owned());
        }
        self.over.push((task, attempts));
    }

    /// Turns what is over into outcomes.
    fn conclude(&mut self) {
        for (task, attempts) in std::mem::take(&mut self.over) {
            self.done.insert(task.position, self.concluder.conclude(task.case, task.repetition, attempts));
        }
    }
}
