//! One attempt at one case: the supervisor's side of an executor.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use crate::artifacts::LogDir;
use crate::case::{Case, CheckId, Exit, LIFECYCLE, ProcessId};
use crate::executor::{Assignment, Command, Event, wire};
use crate::outcome::{Judged, Kind, LogExcerpt, LogRecord, Problem, Verdict};
use crate::sandbox::{Facets, Isolation, Order, Place, Unfit};

/// An attempt that is under way.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) socket: UnixStream,
    pub(crate) place: Place,
    log_dir: LogDir,
    pub(crate) began: Instant,
    pub(crate) began_at: SystemTime,
    /// When it was told to stop.
    pub(crate) stopped: Option<Instant>,
    buffer: Vec<u8>,
    step: Option<usize>,
    judged: Vec<Option<Judged>>,
    logs: Vec<LogRecord>,
    exits: Vec<Option<Exit>>,
    /// Process ids and ports, to be masked where runs are compared.
    varying: Vec<(String, String)>,
    ended: Option<Option<(CheckId, Box<Problem>)>>,
    /// Whether its executor waits for another case.
    again: bool,
    /// Whether its executor was gone before it got the case.
    pub(crate) undelivered: bool,
    /// The namespaces that its executor was asked to be made with.
    pub(crate) asked: Facets,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) unfit: Option<Unfit>,
    /// Why it was told to stop.
    reason: Option<(Kind, String)>,
}

/// An attempt that is over.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) place: Place,
    /// Where the logs are; nowhere when the attempt did not even begin.
    pub(crate) log_dir: Option<LogDir>,
    pub(crate) began_at: SystemTime,
    pub(crate) time: Duration,
    /// One for each check.
    pub(crate) checks: Vec<Judged>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) exits: Vec<Option<Exit>>,
    pub(crate) varying: Vec<(String, String)>,
    pub(crate) isolation: Isolation,
}

impl Job {
    /// Gives the case to an executor that was made with the other end of `socket`.
    pub(crate) fn begin(
        case: &Case,
        place: Place,
        env: Vec<(String, String)>,
        sandbox: Order,
        keep_all: bool,
        mut socket: UnixStream,
    ) -> io::Result<Self> {
        let log_dir = LogDir::open(&place.logs)?;
        let assignment = Assignment { case: Cow::Borrowed(case), place, env, sandbox, keep_all };
        let mut message = Vec::new();
        wire::append(&mut message, &assignment)?;
        let undelivered = match socket.write_all(&message) {
            // There is no executor at the other end; the zygote is about to tell why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => true,
            result => result.map(|()| false)?,
        };
        Ok(Self {
            socket,
            place: assignment.place,
            log_dir,
            began: Instant::now(),
            began_at: SystemTime::now(),
            stopped: None,
            buffer: Vec::new(),
            step: None,
            judged: vec![None; case.checks.len()],
            logs: Vec::new(),
            exits: vec![None; case.processes.len()],
            varying: Vec::new(),
            ended: None,
            again: false,
            undelivered,
            asked: assignment.sandbox.facets,
            isolation: None,
            unfit: None,
            reason: None,
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Tells the executor to end the case.
    pub(crate) fn stop(&mut self, kind: Kind, reason: &str) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(Instant::now());
        self.reason = Some((kind, reason.to_owned()));
        let mut message = Vec::new();
        if wire::append(&mut message, &Command::Stop { kind, reason: reason.to_owned() }).is_ok() {
            // What does not fit nobody reads: then patience is over soon, and the executor is killed.
            let _ = send(self.socket.as_raw_fd(), &message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
        }
    }

    /// Reads what the executor tells. `false` when nothing more will come.
    pub(crate) fn read(&mut self) -> bool {
        let mut chunk = [0; 4 << 10];
        let open = loop {
            match recv(self.socket.as_raw_fd(), &mut chunk, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => break false,
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(Errno::EAGAIN) => break true,
                Err(Errno::EINTR) => {}
                Err(_) => break false,
            }
        };
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest = buffer.as_slice();
        while let Some(message) = wire::take(&mut rest) {
            if let Ok(event) = wire::parse(message) {
                self.note(event);
            }
        }
        self.buffer = rest.to_vec();
        open && self.ended.is_none()
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Isolated(isolation) => self.isolation = Some(isolation),
            Event::Unfit(unfit) => self.unfit = Some(unfit),
            Event::Step(step) => self.step = Some(step),
            Event::Process(record) => {
                // In a namespace of its own a case has the same few numbers in every run.
                if !self.isolation.as_ref().is_some_and(|isolation| isolation.has("pid")) {
                    self.varying.push((record.pid.to_string(), "PID".into()));
                }
                if let Some(exit) = self.exits.get_mut(record.process) {
                    *exit = record.exit.or(*exit);
                }
            }
            Event::Port(_, number) => self.varying.push((number.to_string(), "PORT".into())),
            Event::Log(record) => self.logs.push(record),
            Event::Judged(judged) => {
                let check = judged.check;
                if let Some(slot) = self.judged.get_mut(check) {
                    *slot = Some(judged);
                }
            }
            Event::LogsEnd(check, ends) => {
                if let Some(Some(Judged { verdict: Verdict::Failed(problem), .. })) = self.judged.get_mut(check) {
                    for (file, end) in ends {
                        problem.logs.iter_mut().filter(|log| log.file == file).for_each(|log| log.until = Some(end));
                    }
                }
            }
            Event::Finished { ended, again } => (self.ended, self.again) = (Some(ended), again),
        }
    }

    /// Whether the executor has said its last word.
    pub(crate) fn is_finished(&self) -> bool {
        self.ended.is_some()
    }

    /// Makes an attempt of what was told, and gives the executor back where it waits for another case. `died` says how it
    /// ended when it said no last word.
    pub(crate) fn finish(mut self, case: &Case, died: Option<Exit>) -> (Attempt, Option<UnixStream>) {
        let time = self.began.elapsed();
        let ended = self.ended.take().unwrap_or_else(|| Some((LIFECYCLE, Box::new(self.unfinished(case, died)))));
        // What was not looked at took no time: the check that ended the case has it.
        let skipped = |judged: &&mut Judged| matches!(judged.verdict, Verdict::Skipped(_));
        self.judged.iter_mut().flatten().filter(skipped).for_each(|judged| judged.time = Duration::ZERO);
        let told: Duration = self.judged.iter().flatten().map(|judged| judged.time).sum();
        let rest = time.saturating_sub(told);
        let why = ended.as_ref().map_or_else(
            || "not reached".to_owned(),
            |(check, _)| format!("the case ended at `{}`", case.checks[*check].name),
        );
        let (ended_at, mut problem) = ended.map_or((None, None), |(check, problem)| (Some(check), Some(problem)));
        let checks = std::mem::take(&mut self.judged).into_iter().enumerate().map(|(check, judged)| {
            if ended_at == Some(check) {
                let verdict = problem.take().map_or(Verdict::Skipped(why.clone()), Verdict::Failed);
                return Judged { check, verdict, time: rest };
            }
            judged.unwrap_or_else(|| Judged { check, verdict: Verdict::Skipped(why.clone()), time: Duration::ZERO })
        });
        let mut checks: Vec<_> = checks.collect();
        if ended_at.is_none() {
            // What is left of the time went into starting and ending.
            checks[LIFECYCLE].time += rest;
        }
        let attempt = Attempt {
            place: self.place,
            log_dir: Some(self.log_dir),
            began_at: self.began_at,
            time,
            checks,
            logs: self.logs,
            exits: self.exits,
            varying: self.varying,
            isolation: self.isolation.unwrap_or_else(|| Isolation::none("the case never came to be isolated")),
        };
        // One that was told to stop may read of it only now.
        let free = self.again && self.stopped.is_none();
        (attempt, free.then_some(self.socket))
    }

    /// The executor is gone without a last word.
    fn unfinished(&self, case: &Case, died: Option<Exit>) -> Problem {
        let span = self.step.and_then(|step| case.steps.get(step)).map_or(case.span, |step| step.span);
        let mut problem = match (&self.reason, died) {
            (Some((kind, reason)), _) => Problem::new(*kind, span, reason.clone()),
            (None, Some(exit)) => Problem::new(Kind::Internal, span, format!("the executor of the case {exit}")),
            (None, None) => Problem::new(Kind::Internal, span, "the executor of the case is gone"),
        };
        let awaited = self.step.and_then(|step| case.steps.get(step)).map(|step| step.action.awaited());
        let names = awaited.unwrap_or_default().iter().map(|e| format!("`{}`", case.processes[e.process].name));
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            problem = problem.label(format!("waiting for {}", names.join(", ")));
        }
        problem.logs = self.logs.iter().map(|log| LogExcerpt::whole(log.process, log.file.clone())).collect();
        problem
    }
}

impl Attempt {
    /// An attempt that could not even begin.
    pub(crate) fn impossible(case: &Case, place: Place, problem: Problem) -> Self {
        let reason = "the case ended at `lifecycle`";
        let mut checks: Vec<_> = (0..case.checks.len())
            .map(|check| Judged { check, verdict: Verdict::Skipped(reason.into()), time: Duration::ZERO })
            .collect();
        checks[LIFECYCLE].verdict = Verdict::Failed(Box::new(problem));
        Self {
            place,
            log_dir: None,
            began_at: SystemTime::now(),
            time: Duration::ZERO,
            checks,
            logs: Vec::new(),
            exits: Vec::new(),
            varying: Vec::new(),
            isolation: Isolation::none("the case was not begun"),
        }
    }

    pub(crate) fn held(&self) -> bool {
        crate::outcome::failed(&self.checks).next().is_none()
    }

    pub(crate) fn exit(&self, process: Option<ProcessId>) -> Option<Exit> {
        *self.exits.get(process?)?
    }
}
