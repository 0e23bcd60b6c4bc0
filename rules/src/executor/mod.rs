//! The executor: does the steps of one case, one after another, inside the place that the sandbox made.
//!
//! It is a process of its own, single-threaded, the parent of everything that the case starts. It sees every exit through
//! one epoll, reports what happens over one descriptor, and when that descriptor's other end is gone it ends the case.

mod channel;
mod finish;
mod limits;
mod logs;
mod ports;
mod prepare;
mod ready;
mod request;
mod start;
mod steps;
mod values;
pub(crate) mod wire;

use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use self::channel::Channel;
use self::logs::Logs;
use self::ports::Ports;
use self::request::Responses;
use self::values::Filled;
use crate::case::{Case, CheckId, Exit, LIFECYCLE, ProcessId};
use crate::http::Session;
use crate::outcome::{Judged, Kind, Problem, ProcessRecord, Verdict};
use crate::plan::{Standing, Turns};
use crate::process::{self, Child, Spawner, Watch};
use crate::sandbox::{Facets, Ids, furnish};

pub(crate) use self::channel::{Assignment, Command, Event};

/// How often log sizes are looked at while something runs.
const LOG_TICK: Duration = Duration::from_millis(50);
/// How long the supervisor may be left without news.
const TELL_AFTER: Duration = Duration::from_millis(5);
/// As good as for ever.
const LONG: Duration = Duration::from_secs(3600);

/// Tokens of [`Watch`] that are not processes.
const CHANNEL: u64 = u64::MAX;
const CHILDREN: u64 = u64::MAX - 1;
const HELPER: u64 = u64::MAX - 2;

/// The case is over: this check failed, with this problem.
pub(crate) struct Halt {
    pub(crate) check: CheckId,
    pub(crate) problem: Box<Problem>,
}

impl Halt {
    fn lifecycle(problem: Problem) -> Self {
        Self { check: LIFECYCLE, problem: Box::new(problem) }
    }
}

type Step<T = ()> = Result<T, Halt>;

/// Where a process stands.
#[derive(Debug)]
enum State {
    Waiting,
    Running(Child),
    /// It has ended and is not reaped: its id is still its own.
    Ended(Child, Exit),
    Reaped,
}

pub(crate) struct Executor<'c> {
    case: Rc<Case>,
    channel: &'c mut Channel,
    watch: &'c Watch,
    spawner: &'c mut Spawner,
    states: Vec<State>,
    turns: Turns,
    values: Filled,
    ports: Ports,
    logs: Logs,
    /// Cookies and connection of the targets.
    session: Session,
    /// What servers have answered, as long as nobody wants to see it.
    responses: Responses,
    programs: Vec<Option<std::path::PathBuf>>,
    /// The command of a readiness condition that is running.
    helper: Option<i32>,
    /// The step that is being done.
    current: usize,
    started: Instant,
    last_verdict: Instant,
    next_tick: Instant,
    /// Which exit each process's was, counted from 0.
    exit_order: Vec<usize>,
    /// An exit that was not anticipated, and the turn it was in: it ends the case when the steps have come there.
    failure: Option<(usize, Halt)>,
    /// A limit that was exceeded: it ends the case whatever else there is to say.
    exceeded: Option<Halt>,
    /// Whether the case has a user namespace, and so an own count of the user's processes.
    own_users: bool,
    /// The process whose exit was the first to end the case.
    culprit: Option<ProcessId>,
}

/// The executor's whole life. `socket` leads to the supervisor, who says what to do. `namespaces` were made for it, by a
/// caller with these ids.
pub(crate) fn main(socket: UnixStream, namespaces: Facets, ids: Ids) -> io::Result<()> {
    let mut channel = Channel::new(socket)?;
    let mut furnished = furnish(namespaces, ids);
    // What needs no case is done while there is none yet. What goes wrong is told when there is one.
    let open_files = process::raise_open_files();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let mut spawner = Spawner::new(open_files);
    let watch = process::become_subreaper().and_then(|()| {
        let watch = Watch::new()?;
        watch.always(channel.supervisor(), CHANNEL)?;
        watch.always(channel.child_signals(), CHILDREN)?;
        Ok(watch)
    });
    while let Some(assignment) = channel.assignment()? {
        let again = assignment.leaves_no_trace();
        let ended = match assignment.isolate(std::mem::replace(&mut furnished, Ok(())), &mut channel) {
            Ok(()) => {
                let executor = match &watch {
                    Ok(watch) => Executor::new(assignment, &mut channel, watch, &mut spawner),
                    Err(error) => Err(internal(&assignment.case, "can't prepare the case", error)),
                };
                executor.map_or_else(|halt| Some((halt.check, halt.problem)), |mut executor| executor.run())
            }
            Err(Some(problem)) => Some((LIFECYCLE, problem)),
            Err(None) => {
                channel.flush();
                return Ok(());
            }
        };
        // With this word the case is over, and its directories go.
        channel.send(&Event::Finished { ended, again });
        channel.flush();
        if !again {
            break;
        }
    }
    match process::children_left() {
        // The zygote inherits what no signal could end, and tries again.
        true => Err(io::Error::other("something is left")),
        false => Ok(()),
    }
}

impl Executor<'_> {
    /// Does the steps. Returns the check that ended the case before its time, with its problem.
    fn run(&mut self) -> Option<(CheckId, Box<Problem>)> {
        let result = self.check_programs().and_then(|()| {
            for step in 0..self.case.steps.len() {
                self.current = step;
                self.raise()?;
                self.channel.send(&Event::Step(step));
                self.step(step)?;
            }
            self.current = self.case.steps.len();
            Ok(())
        });
        let result = self.finish(result);
        self.responses.wanted |= result.is_err();
        let kept = self.keep_responses();
        match result.and(kept) {
            Ok(()) => None,
            Err(halt) => Some((halt.check, halt.problem)),
        }
    }

    /// A verdict, with the time since the last one.
    fn judged(&mut self, check: CheckId, verdict: Verdict) {
        let now = Instant::now();
        let time = now - self.last_verdict;
        self.last_verdict = now;
        self.responses.wanted |= matches!(verdict, Verdict::Failed(_));
        self.channel.send(&Event::Judged(Judged { check, verdict, time }));
    }

    /// Waits for whatever comes next, at most until `until`, and takes note of it.
    fn pump(&mut self, until: Instant) -> Step {
        self.look(until).map(drop)
    }

    /// As `pump`; returns how much there was.
    fn look(&mut self, until: Instant) -> Step<usize> {
        let now = Instant::now();
        let running = self.states.iter().any(|state| matches!(state, State::Running(_)));
        let mut wake = until.min(now + LONG);
        if running {
            wake = wake.min(self.next_tick);
        }
        if let Some(deadline) = self.deadline() {
            wake = wake.min(deadline);
        }
        let wait = wake.saturating_duration_since(now);
        let watch = |wait| self.watch.wait(wait).map_err(|e| internal(&self.case, "epoll", &e));
        // What ends at once need not be told before that: the supervisor is woken once for many short processes.
        let mut tokens = watch(wait.min(TELL_AFTER))?;
        if tokens.is_empty() && wait > TELL_AFTER {
            self.channel.flush();
            tokens = watch(wait - TELL_AFTER)?;
        }
        let count = tokens.len();
        let exits = tokens.iter().any(|token| !matches!(*token, CHANNEL | CHILDREN | HELPER));
        for token in tokens {
            match token {
                CHANNEL => self.command()?,
                CHILDREN => self.reap_orphans(),
                HELPER => {}
                process => self.exited(usize::try_from(process).unwrap_or(usize::MAX)),
            }
        }
        self.raise()?;
        self.tick(exits)?;
        Ok(count)
    }

    /// Ends the case for an unanticipated exit. The steps may lag behind the exits, by a moment as a rule; a wait of a turn
    /// before the exit's is complete, and is judged first, as if nobody had lagged.
    fn raise(&mut self) -> Step {
        if let Some(halt) = self.exceeded.take() {
            return Err(halt);
        }
        let here = self.turns.of_step(self.current);
        let waiting = self.case.steps.get(self.current).is_some_and(|step| !step.action.awaited().is_empty());
        match self.failure.take_if(|(turn, _)| *turn <= here || !waiting) {
            Some((_, halt)) => Err(halt),
            None => Ok(()),
        }
    }

    /// Takes note of everything that has happened by now, also when it is more than one look takes in.
    fn catch_up(&mut self) -> Step {
        while self.look(Instant::now())? == process::BATCH {}
        Ok(())
    }

    /// Looks at the clock and at the logs. Exits that have just been seen may satisfy the step: they are judged before
    /// the clock is.
    fn tick(&mut self, exits: bool) -> Step {
        let now = Instant::now();
        if !exits && self.deadline().is_some_and(|deadline| now >= deadline) {
            let limit = self.case.deadline.unwrap_or_default();
            let message = format!("the case took longer than its deadline of {limit:?}");
            return Err(Halt::lifecycle(self.cut_short(Kind::Timeout, message)));
        }
        if now >= self.next_tick {
            self.next_tick = now + self.tick_length();
            for process in 0..self.states.len() {
                if matches!(self.states[process], State::Running(_)) {
                    self.check_log_size(process)?;
                }
            }
            self.check_usage()?;
        }
        Ok(())
    }

    fn tick_length(&self) -> Duration {
        if self.case.limits.processes.is_some() { limits::TICK } else { LOG_TICK }
    }

    fn deadline(&self) -> Option<Instant> {
        self.case.deadline.map(|deadline| self.started + deadline)
    }

    /// The case is ended from outside, in the middle of a step.
    fn cut_short(&self, kind: Kind, message: String) -> Problem {
        let span = self.case.steps.get(self.current).map_or(self.case.span, |step| step.span);
        let running = (0..self.states.len()).filter(|id| matches!(self.states[*id], State::Running(_)));
        let mut problem = Problem::new(kind, span, message).label("this was going on");
        problem.logs = running.flat_map(|id| self.logs.of_process(id)).collect();
        problem
    }

    /// The supervisor says something, or is gone.
    fn command(&mut self) -> Step {
        match self.channel.receive() {
            Some(Command::Stop { kind, reason }) => Err(Halt::lifecycle(self.cut_short(kind, reason))),
            // Nobody is left who would want to know: end everything at once.
            None => {
                self.kill_all();
                process::kill_children(Duration::from_millis(500));
                std::process::exit(1);
            }
        }
    }

    /// `process` has ended.
    fn exited(&mut self, process: ProcessId) {
        let Some(state) = self.states.get_mut(process) else { return };
        let State::Running(child) = std::mem::replace(state, State::Reaped) else { return };
        let Some(exit) = process::peek_exit(&child) else {
            self.states[process] = State::Running(child);
            return;
        };
        // What it leaves behind counts, too: a program that was refused a process may have given up.
        let exceeded = self.limit_hit(process, &child, exit).or_else(|| self.check_usage().err());
        self.exceeded = self.exceeded.take().or(exceeded);
        let record = ProcessRecord { process, pid: child.pid, exit: Some(exit) };
        self.states[process] = State::Ended(child, exit);
        self.exit_order[process] = self.exit_order.iter().filter(|order| **order != usize::MAX).count();
        self.channel.send(&Event::Process(record));
        if self.turns.exit(process) == Standing::Unexpected && self.culprit.is_none() {
            let turn = self.turns.current();
            // An exit before this one may have decided the case already, by its status, and was not judged yet.
            let decided = self.wrong_exit(self.turns.closing_step(), process);
            let (turn, culprit, halt) = decided.unwrap_or_else(|| (turn, process, self.unexpected(process, exit)));
            self.culprit = Some(culprit);
            self.failure = Some((turn, halt));
        }
    }

    fn is_running(&self, process: ProcessId) -> bool {
        matches!(self.states[process], State::Running(_))
    }

    fn unexpected(&self, process: ProcessId, exit: Exit) -> Halt {
        let name = &self.case.processes[process].name;
        let problem = Problem::new(
            Kind::UnexpectedExit,
            self.case.processes[process].span,
            format!("`{name}` {exit} while nothing waited for it"),
        );
        let mut problem = problem.label(format!("it {exit}"));
        // Not the step that is being done, which depends on the moment, but the exits that the turn is about.
        let awaited = self.case.steps.get(self.turns.closing_step()).map(|step| step.action.awaited());
        let awaited = awaited.unwrap_or_default().iter().filter(|e| e.check != LIFECYCLE);
        let names = awaited.map(|e| self.case.checks[e.check].name.trim_end_matches(": status"));
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        if !names.is_empty() {
            problem = problem.detail("awaited", names.join(", "));
        }
        problem.logs = self.logs.of_process(process);
        Halt::lifecycle(problem)
    }

    /// How `process` ended, if it has.
    fn exit_of(&self, process: ProcessId) -> Option<Exit> {
        match &self.states[process] {
            State::Ended(_, exit) => Some(*exit),
            _ => None,
        }
    }

    /// The plan has taken note of the exit: the process is reaped.
    fn reap(&mut self, process: ProcessId) {
        if let State::Ended(child, _) = std::mem::replace(&mut self.states[process], State::Reaped) {
            self.watch.forget(&child.pidfd);
            process::reap(&child);
        }
    }

    /// Orphans among the descendants come to us when they end; those that we started ourselves are reaped by `reap`.
    fn reap_orphans(&mut self) {
        self.channel.drain_child_signals();
        let ours = |pid: i32| {
            self.helper == Some(pid)
                || self.states.iter().any(|state| match state {
                    State::Running(child) | State::Ended(child, _) => child.pid == pid,
                    _ => false,
                })
        };
        while process::reap_any(ours) {}
    }
}

/// foresee or the machine is at fault.
fn internal(case: &Case, what: &str, error: &io::Error) -> Halt {
    Halt::lifecycle(Problem::new(Kind::Internal, case.span, format!("{what}: {error}")))
}
