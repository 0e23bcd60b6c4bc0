//! Waiting until a process is ready.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::request::Exits;
use super::{Executor, Halt, State, Step};
use crate::case::{Condition, ConditionKind, Exit, PortKind, ProcessId, Stream, Values};
use crate::http;
use crate::outcome::{Kind, Problem};
use crate::process;

/// The first pause between two looks.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

impl Executor<'_> {
    /// Holds until `condition` holds for `process`; fails at once when the process ends before.
    pub(super) fn ready(&mut self, process: ProcessId, condition: &Condition, timeout: Duration) -> Step {
        let until = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        let mut printed = Printed::default();
        let mut why_not = String::new();
        loop {
            let held_off = self.catch_up();
            let ended = !matches!(self.states[process], State::Running(_));
            // What was printed or written before the exit still counts.
            let lasting = matches!(condition.kind, ConditionKind::Log(_) | ConditionKind::File(_));
            let worth_a_look = if ended { lasting } else { held_off.is_ok() };
            if worth_a_look {
                match self.holds(process, condition, until, &mut printed)? {
                    Ok(()) => return held_off,
                    // A look that was cut short by the end of the time tells less than the one before.
                    Err(reason) if why_not.is_empty() || Instant::now() < until => why_not = reason,
                    Err(_) => {}
                }
            }
            match held_off {
                // Another process has ended the case before this one ended.
                Err(halt) if self.culprit.is_some_and(|it| self.exit_order[it] < self.exit_order[process]) => {
                    return Err(halt);
                }
                _ if ended => return Err(self.not_ready(process, condition)),
                held_off => held_off?,
            }
            let now = Instant::now();
            if now >= until {
                let name = &self.case.processes[process].name;
                let message = format!("`{name}` was not ready within {timeout:?}");
                let mut problem = Problem::new(Kind::Timeout, condition.span, message)
                    .label("did not hold")
                    .detail("in the end", why_not);
                problem.logs = self.logs.of_process(process);
                return Err(Halt::lifecycle(problem));
            }
            // `pump` returns early when something happens; an exit of this process is looked at in the next round, so
            // that it is told as what it is: not ready.
            match self.pump(until.min(now + pause)) {
                Err(halt) if matches!(self.states[process], State::Running(_)) => return Err(halt),
                Err(halt) => self.failure = Some((self.turns.current(), halt)),
                Ok(()) => {}
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    fn not_ready(&mut self, process: ProcessId, condition: &Condition) -> Halt {
        self.failure = None;
        let name = &self.case.processes[process].name;
        let how = self.exit_of(process).map_or_else(|| "has ended".to_owned(), |exit| exit.to_string());
        let mut problem = Problem::new(Kind::NotReady, condition.span, format!("`{name}` {how} before it was ready"))
            .label(format!("it {how}"));
        problem.logs = self.logs.of_process(process);
        Halt::lifecycle(problem)
    }

    /// Whether the condition holds now; if not, why.
    fn holds(
        &mut self,
        process: ProcessId,
        condition: &Condition,
        until: Instant,
        printed: &mut Printed,
    ) -> Step<Result<(), String>> {
        let env = self.values.of_process(&self.case, process);
        let values = self.values.within(&env);
        match &condition.kind {
            ConditionKind::Port(port) => {
                let connected = match self.case.ports[*port].kind {
                    PortKind::Unix => UnixStream::connect(values.socket(*port)).map(drop),
                    _ => connect(self.values.ports[*port]).map(drop),
                };
                Ok(connected.map_err(|error| format!("can't connect to {}: {}", self.address(*port), reason(&error))))
            }
            ConditionKind::Http(port, path) => {
                let path = path.fill(&values);
                let address = self.address(*port);
                let mut exits = Exits::new(self);
                let status = http::get(&address, &path, until, &mut exits);
                let halt = exits.halt.take();
                match halt {
                    Some(halt) if matches!(self.states[process], State::Running(_)) => Err(halt),
                    Some(halt) => {
                        self.failure = Some((self.turns.current(), halt));
                        Ok(Err("the request was cut short".into()))
                    }
                    None => Ok(match status {
                        Ok(status) if status < 500 => Ok(()),
                        Ok(status) => Err(format!("{path} gave status {status}")),
                        Err(error) => Err(error.message),
                    }),
                }
            }
            ConditionKind::Log(pattern) => {
                let pattern = pattern.fill_regex(&values);
                let regex = regex::bytes::Regex::new(&pattern)
                    .map_err(|e| super::internal(&self.case, "regular expression", &io::Error::other(e)))?;
                let files = [Stream::Stdout, Stream::Stderr].map(|stream| self.logs.path(process, stream));
                printed.read(&files).map_err(|e| super::internal(&self.case, "can't read a log", &e))?;
                let found = printed.0.iter().any(|text| regex.is_match(text));
                Ok(found.then_some(()).ok_or_else(|| format!("nothing that it printed matches `{pattern}`")))
            }
            ConditionKind::File(path) => {
                let path = path.fill(&values);
                let found = self.values.dir.join(&path).exists();
                Ok(found.then_some(()).ok_or_else(|| format!("there is no `{path}`")))
            }
            ConditionKind::Exec { argv, roots } => self.succeeds(process, argv, roots, condition, until),
        }
    }

    /// Runs a command and tells whether it exits 0; it is killed when the process ends or the time is over.
    fn succeeds(
        &mut self,
        process: ProcessId,
        argv: &[crate::case::Text],
        roots: &[std::path::PathBuf],
        condition: &Condition,
        until: Instant,
    ) -> Step<Result<(), String>> {
        let child = self.start_helper(argv, roots, condition.span)?;
        self.helper = Some(child.pid);
        let mut held_off = Ok(());
        let exit = loop {
            if let Some(exit) = process::peek_exit(&child) {
                break Some(exit);
            }
            let running = matches!(self.states[process], State::Running(_));
            if held_off.is_err() || !running || Instant::now() >= until {
                break None;
            }
            held_off = self.pump(until);
        };
        process::kill_group(&child);
        self.watch.forget(&child.pidfd);
        process::reap(&child);
        self.helper = None;
        if let Err(halt) = held_off {
            if matches!(self.states[process], State::Running(_)) {
                return Err(halt);
            }
            self.failure = Some((self.turns.current(), halt));
        }
        Ok(match exit {
            Some(Exit::Code(0)) => Ok(()),
            Some(exit) => Err(format!("the command {exit}")),
            None => Err("the command did not end".into()),
        })
    }
}

/// What a process has printed so far: standard output and standard error.
#[derive(Default)]
struct Printed([Vec<u8>; 2]);

impl Printed {
    fn read(&mut self, files: &[std::path::PathBuf; 2]) -> io::Result<()> {
        for (text, path) in self.0.iter_mut().zip(files) {
            let mut file = File::open(path)?;
            // A process may truncate its own log.
            if file.metadata()?.len() < text.len() as u64 {
                text.clear();
            }
            file.seek(SeekFrom::Start(text.len() as u64))?;
            file.read_to_end(text)?;
        }
        Ok(())
    }
}

/// The kernel's words, without the number.
fn reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |number| Errno::from_raw(number).desc().to_owned())
}

fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1))
}
