//! What the supervisor and the executor say to each other: lines of JSON over one socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use serde::{Deserialize, Serialize};

use crate::case::{Case, CheckId, PortId};
use crate::outcome::{Judged, Kind, LogRecord, Problem, ProcessRecord};
use crate::sandbox::{Isolation, Order, Place, Unfit};

/// What an executor is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) case: Case,
    pub(crate) place: Place,
    /// The environment that every process has, before the case's own.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) sandbox: Order,
    /// Whether logs are kept whatever becomes of the case.
    pub(crate) keep_all: bool,
}

/// What the supervisor says later.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    /// End the case now, for this reason.
    Stop { kind: Kind, reason: String },
}

/// What the executor tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The sandbox was made; this is what was obtained.
    Isolated(Isolation),
    /// The sandbox can't be made like this; nothing has begun.
    Unfit(Unfit),
    /// A step begins.
    Step(usize),
    /// A process was started, or has ended.
    Process(ProcessRecord),
    /// A port was assigned.
    Port(PortId, u16),
    /// A log is being written.
    Log(LogRecord),
    /// A check was judged.
    Judged(Judged),
    /// The case is over, and nothing of it runs any more.
    Finished {
        /// The check that ended it before its time.
        ended: Option<(CheckId, Box<Problem>)>,
    },
}

/// Bytes of messages that may wait for the next [`Channel::flush`].
const MAX_UNSAID: usize = 16 << 10;

pub(crate) struct Channel {
    socket: BufReader<UnixStream>,
    /// What was not yet said.
    unsaid: Vec<u8>,
    children: SignalFd,
}

impl Channel {
    pub(crate) fn new(socket: UnixStream) -> io::Result<Self> {
        let mask = SigSet::from(Signal::SIGCHLD);
        let children = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { socket: BufReader::new(socket), unsaid: Vec::new(), children })
    }

    pub(crate) fn assignment(&mut self) -> io::Result<Assignment> {
        let mut line = String::new();
        self.socket.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Tells the supervisor at the next [`flush`](Self::flush): each message of its own would wake it, and take a core
    /// from what is tested.
    pub(crate) fn send(&mut self, event: &Event) {
        let begin = self.unsaid.len();
        match serde_json::to_writer(&mut self.unsaid, event) {
            Ok(()) => self.unsaid.push(b'\n'),
            Err(_) => self.unsaid.truncate(begin),
        }
        if self.unsaid.len() > MAX_UNSAID {
            self.flush();
        }
    }

    /// Says what is unsaid; to be called before anything that may take time. When the supervisor is gone there is nobody to
    /// be told, and `receive` will notice.
    pub(crate) fn flush(&mut self) {
        if !self.unsaid.is_empty() {
            let _ = self.socket.get_mut().write_all(&self.unsaid);
            self.unsaid.clear();
        }
    }

    /// What the supervisor says; `None` when it is gone.
    pub(crate) fn receive(&mut self) -> Option<Command> {
        let mut line = String::new();
        match self.socket.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => serde_json::from_str(&line).ok(),
        }
    }

    pub(crate) fn supervisor(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }

    /// Readable when a child has ended.
    pub(crate) fn child_signals(&self) -> BorrowedFd<'_> {
        self.children.as_fd()
    }

    pub(crate) fn drain_child_signals(&mut self) {
        while matches!(self.children.read_signal(), Ok(Some(_))) {}
    }
}
