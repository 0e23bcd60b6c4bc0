//! Targets: asking a server, and what its answer, its silence or its death mean for the case.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Event, Executor, Halt, State, Step};
use crate::case::{Action, CheckId, Constraint, PortId, PortKind, ProcessId, Server, Stream, Target};
use crate::http::{Address, Bounds, Error, ErrorKind, Interrupt, Request, Response, host, location};
use crate::outcome::{Kind, LogExcerpt, LogRecord, LogStream, Problem, Verdict};
use crate::shown;
use crate::usecase::{Answer, Judgement, fill, judge};

/// How long an exit may follow a broken request and still be its cause (contract, section 4).
const EXIT_GRACE: Duration = Duration::from_millis(500);

/// Bytes of responses that are held back; more of them are written at once.
const MAX_HELD: usize = 1 << 20;

/// Responses that may become logs. A thousand files that are removed again cost more than the requests.
#[derive(Debug)]
pub(crate) struct Responses {
    /// By the step that asked: the response, or what came of one.
    held: Vec<(usize, Answered)>,
    bytes: usize,
    /// Checks of the last response that failed, with the server: what it writes until the next request is about them.
    explained_by: Vec<(CheckId, ProcessId)>,
    /// Whether somebody will want to see them.
    pub(super) wanted: bool,
}

impl Responses {
    pub(super) fn new(wanted: bool) -> Self {
        Self { held: Vec::new(), bytes: 0, explained_by: Vec::new(), wanted }
    }
}

/// What a server has answered.
#[derive(Debug)]
enum Answered {
    Whole(Response),
    Broken(Vec<u8>),
}

/// What came of asking once.
struct Round {
    /// How large the server's logs were before.
    logs: Vec<LogExcerpt>,
    request: Option<Request>,
    result: Result<Response, Error>,
}

impl Executor<'_> {
    /// Asks, again and again where the target says so, and judges the last answer.
    pub(super) fn request(&mut self, target: &Target, timeout: Duration) -> Step {
        if let Some(reason) = &target.skip {
            for constraint in &target.constraints {
                self.judged(constraint.check, Verdict::Skipped(reason.clone()));
            }
            return Ok(());
        }
        let patience = target.retry.map(|retry| (Instant::now() + retry.patience, retry.every));
        loop {
            self.catch_up()?;
            let round = self.ask(target, timeout)?;
            let Some((until, every)) = patience else { return self.conclude(target, round, timeout) };
            let now = Instant::now();
            if now + every > until || self.all_hold(target, &round) {
                return self.conclude(target, round, timeout);
            }
            while Instant::now() < now + every {
                self.pump(now + every)?;
            }
        }
    }

    /// Sends the request once. An exit that ends the case ends this, too.
    fn ask(&mut self, target: &Target, timeout: Duration) -> Step<Round> {
        let (address, base) = match &target.server {
            Server::Port(port) => (self.address(*port), ""),
            Server::Outside(address, base) => (address.clone(), base.as_str()),
        };
        self.end_logs();
        let logs = self.server(target).map(|process| self.logs_from_now(process)).unwrap_or_default();
        let request = match fill(&target.ask, base, &self.values.within(&self.values.env)) {
            Ok(request) => request,
            Err(reason) => {
                let result = Err(Error { kind: ErrorKind::Broken, message: reason, received: Vec::new() });
                return Ok(Round { logs, request: None, result });
            }
        };
        let bounds = Bounds { deadline: Instant::now() + timeout, body: self.case.limits.body };
        let mut session = std::mem::take(&mut self.session);
        let mut exits = Exits::new(self);
        let result = session.request(&address, &request, target.ask.follow_redirects, bounds, &mut exits);
        let halt = exits.halt.take();
        self.session = session;
        match halt {
            Some(halt) => Err(during(target, halt)),
            None => Ok(Round { logs, request: Some(request), result }),
        }
    }

    /// Where a port of a process of the case is to be found.
    pub(super) fn address(&self, port: PortId) -> Address {
        match self.case.ports[port].kind {
            PortKind::Unix => Address::Unix(self.values.sockets[port].clone()),
            _ => Address::Port(self.values.ports[port]),
        }
    }

    fn server(&self, target: &Target) -> Option<ProcessId> {
        match target.server {
            Server::Port(port) => Some(self.case.ports[port].process),
            Server::Outside(..) => None,
        }
    }

    /// What servers write from now on is not about the requests so far.
    fn end_logs(&mut self) {
        for (check, process) in std::mem::take(&mut self.responses.explained_by) {
            let ends = self.logs_from_now(process).into_iter().map(|log| (log.file, log.from)).collect();
            self.channel.send(&Event::LogsEnd(check, ends));
        }
    }

    /// What a process will write from now on.
    fn logs_from_now(&self, process: ProcessId) -> Vec<LogExcerpt> {
        let of = |stream| LogExcerpt {
            from: self.logs.size(process, stream),
            ..LogExcerpt::whole(Some(process), self.logs.file_name(process, stream))
        };
        vec![of(Stream::Stderr), of(Stream::Stdout)]
    }

    fn all_hold(&self, target: &Target, round: &Round) -> bool {
        let Ok(response) = &round.result else { return false };
        let answer = answer(target, round.request.as_ref(), response, self);
        let values = self.values.within(&self.values.env);
        target.constraints.iter().all(|constraint| judge(constraint, &answer, &values).is_ok())
    }

    /// Judges what came, keeps it, and tells.
    fn conclude(&mut self, target: &Target, round: Round, timeout: Duration) -> Step {
        let Round { logs, request, result } = round;
        match result {
            Ok(response) => {
                let logs = std::iter::once(log_of(target)).chain(logs).collect();
                let judged = self.judge_all(target, request.as_ref(), &response, logs);
                self.keep(response.body.len(), Answered::Whole(response))?;
                judged
            }
            Err(error) => Err(self.no_answer(target, request.is_some(), logs, error, timeout)?),
        }
    }

    fn judge_all(
        &mut self,
        target: &Target,
        request: Option<&Request>,
        response: &Response,
        logs: Vec<LogExcerpt>,
    ) -> Step {
        let answer = answer(target, request, response, self);
        let values = self.values.within(&self.values.env);
        let results: Vec<_> =
            target.constraints.iter().map(|constraint| (constraint, judge(constraint, &answer, &values))).collect();
        let tell = |(constraint, result): &(&Constraint, Result<Judgement, Box<Problem>>)| match result {
            Ok(_) => format!("{}: holds", constraint.key),
            Err(problem) => format!("{}: {}", constraint.key, problem.message),
        };
        let all_hold = results.iter().all(|(_, result)| result.is_ok());
        let told: Vec<_> = if all_hold { Vec::new() } else { results.iter().map(tell).collect() };
        let mut halt = None;
        let mut captured = Vec::new();
        for (index, (constraint, result)) in results.into_iter().enumerate() {
            let verdict = match result {
                Ok(Judgement::Holds) => Verdict::Passed,
                Ok(Judgement::Captured(name, value)) => {
                    captured.push((name, value));
                    Verdict::Passed
                }
                Err(problem) => {
                    let mut problem = explain(*problem, &answer);
                    let others: Vec<_> =
                        told.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, line)| line.as_str()).collect();
                    if !others.is_empty() {
                        problem = problem.detail("also", others.join("\n"));
                    }
                    problem.logs.clone_from(&logs);
                    let is_capture = matches!(constraint.expected, crate::case::Expected::Capture(..));
                    if is_capture && halt.is_none() {
                        // Later steps count on the value: the case ends here, but not before all is judged.
                        halt = Some(Halt { check: constraint.check, problem: Box::new(problem) });
                        continue;
                    }
                    self.responses.explained_by.extend(self.server(target).map(|process| (constraint.check, process)));
                    Verdict::Failed(Box::new(problem))
                }
            };
            self.judged(constraint.check, verdict);
        }
        self.values.captures.extend(captured);
        halt.map_or(Ok(()), Err)
    }

    /// There is no response to be judged. When the server's process ends within a moment, that is the cause.
    fn no_answer(
        &mut self,
        target: &Target,
        sent: bool,
        mut logs: Vec<LogExcerpt>,
        mut error: Error,
        timeout: Duration,
    ) -> Step<Halt> {
        if !error.received.is_empty() {
            logs.insert(0, log_of(target));
            self.keep(error.received.len(), Answered::Broken(error.received.clone()))?;
        }
        if sent
            && error.kind != ErrorKind::Timeout
            && let Some(process) = self.server(target)
        {
            let until = Instant::now() + EXIT_GRACE;
            while matches!(self.states[process], State::Running(_)) && Instant::now() < until {
                self.pump(until).map_err(|halt| during(target, halt))?;
            }
        }
        if error.kind == ErrorKind::Timeout {
            error.message.push_str(&format!(" (timeout: {timeout:?})"));
        }
        let kind = if error.kind == ErrorKind::Timeout { Kind::Timeout } else { Kind::Connection };
        let mut problem = Problem::new(kind, target.ask.path_span, format!("{}: {}", target.name, error.message))
            .label(error.message.clone());
        // Unlike the timeout of a step, it says nothing on whether a constraint holds.
        problem.error = true;
        if !error.received.is_empty() {
            problem = problem.detail("received", shown::head_of(&error.received));
        }
        problem.logs = logs;
        let check = target.constraints.first().map_or(crate::case::LIFECYCLE, |constraint| constraint.check);
        Ok(Halt { check, problem: Box::new(problem) })
    }

    /// Notes what the server has answered to the current step, for its log.
    fn keep(&mut self, size: usize, answered: Answered) -> Step {
        self.responses.bytes += size;
        self.responses.held.push((self.current, answered));
        if self.responses.bytes > MAX_HELD {
            self.write_responses()?;
        }
        Ok(())
    }

    /// At the end of the case: what was answered becomes logs where these are of use.
    pub(super) fn keep_responses(&mut self) -> Step {
        if self.responses.wanted { self.write_responses() } else { Ok(()) }
    }

    pub(super) fn write_responses(&mut self) -> Step {
        self.responses.bytes = 0;
        let case = Rc::clone(&self.case);
        for (step, answered) in std::mem::take(&mut self.responses.held) {
            let Action::Request(target) = &case.steps[step].action else { continue };
            let bytes = match answered {
                Answered::Whole(response) => response.to_log(),
                Answered::Broken(bytes) => bytes,
            };
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let written = options.open(self.logs.dir().join(&target.log)).and_then(|mut log| log.write_all(&bytes));
            written.map_err(|error| super::internal(&self.case, "can't write a log", &error))?;
            let (name, file) = (target.name.clone(), target.log.clone());
            self.channel.send(&Event::Log(LogRecord { process: None, stream: LogStream::Response, name, file }));
        }
        Ok(())
    }
}

/// The log of what is answered to a target.
fn log_of(target: &Target) -> LogExcerpt {
    LogExcerpt::whole(None, target.log.clone())
}

fn answer<'r>(
    target: &Target,
    request: Option<&Request>,
    response: &'r Response,
    executor: &Executor<'_>,
) -> Answer<'r> {
    let redirects = response.header("Location").next().is_some();
    let location = request.filter(|_| redirects).and_then(|request| {
        let address = match &target.server {
            Server::Port(port) => executor.address(*port),
            Server::Outside(address, _) => address.clone(),
        };
        location(&host(&address, request), &request.target, response)
    });
    Answer::new(response, location)
}

/// Tells what was under way when the case was ended.
fn during(target: &Target, halt: Halt) -> Halt {
    let problem = halt.problem.detail("during", target.name.clone());
    Halt { problem: Box::new(problem), ..halt }
}

/// Adds what helps to see why: the response as a whole, and how it begins.
fn explain(problem: Problem, answer: &Answer<'_>) -> Problem {
    let mut problem = problem.detail("response", answer.summary());
    if !answer.response.followed.is_empty() {
        let hops = answer.response.followed.iter().map(|(status, to)| format!("{status} to {to}"));
        problem = problem.detail("followed", hops.collect::<Vec<_>>().join("\n"));
    }
    match answer.head() {
        Some(head) => problem.detail("body", head),
        None => problem,
    }
}

/// What may interrupt a request: the exits of processes, the supervisor, the clocks of the case.
pub(super) struct Exits<'e, 'c> {
    executor: &'e mut Executor<'c>,
    /// What ended the case meanwhile.
    pub(super) halt: Option<Halt>,
}

impl<'e, 'c> Exits<'e, 'c> {
    pub(super) fn new(executor: &'e mut Executor<'c>) -> Self {
        Self { executor, halt: None }
    }
}

impl Interrupt for Exits<'_, '_> {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.executor.watch.as_fd())
    }

    fn due(&self) -> Option<Instant> {
        let tick = self.executor.next_tick;
        Some(self.executor.deadline().map_or(tick, |deadline| deadline.min(tick)))
    }

    fn woken(&mut self) -> bool {
        // Not with every request, for that would wake the supervisor each time: only when one takes its time.
        self.executor.channel.flush();
        if let Err(halt) = self.executor.catch_up() {
            self.halt = Some(halt);
        }
        self.halt.is_some()
    }
}
