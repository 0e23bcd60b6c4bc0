//! What the supervisor and the executor say to each other over one socket.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use serde::{Deserialize, Serialize};

use super::wire;
use crate::case::{Case, CheckId, PortId};
use crate::outcome::{Judged, Kind, LogRecord, Problem, ProcessRecord};
use crate::sandbox::{Isolation, Order, Place, Unfit};

/// What an executor is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment<'a> {
    pub(crate) case: Cow<'a, Case>,
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
    /// What these logs have from here on has nothing to do with the problem of this check.
    LogsEnd(CheckId, Vec<(String, u64)>),
    /// The case is over, and nothing of it runs any more.
    Finished {
        /// The check that ended it before its time.
        ended: Option<(CheckId, Box<Problem>)>,
        /// Whether the executor waits for another case.
        again: bool,
    },
}

/// Bytes of messages that may wait for the next [`Channel::flush`].
const MAX_UNSAID: usize = 16 << 10;

pub(crate) struct Channel {
    socket: UnixStream,
    /// What was not yet said.
    unsaid: Vec<u8>,
    children: SignalFd,
}

impl Channel {
    pub(crate) fn new(socket: UnixStream) -> io::Result<Self> {
        let mask = SigSet::from(Signal::SIGCHLD);
        let children = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { socket, unsaid: Vec::new(), children })
    }

    /// What is to be done; `None` when there is nothing to do after all.
    pub(crate) fn assignment(&mut self) -> io::Result<Option<Assignment<'static>>> {
        wire::read(&mut self.socket)
    }

    /// Tells the supervisor at the next [`flush`](Self::flush): each message of its own would wake it, and take a core
    /// from what is tested.
    pub(crate) fn send(&mut self, event: &Event) {
        let _ = wire::append(&mut self.unsaid, event);
        if self.unsaid.len() > MAX_UNSAID {
            self.flush();
        }
    }

    /// Says what is unsaid; to be called before anything that may take time. When the supervisor is gone there is nobody to
    /// be told, and `receive` will notice.
    pub(crate) fn flush(&mut self) {
        if !self.unsaid.is_empty() {
            let _ = self.socket.write_all(&self.unsaid);
            self.unsaid.clear();
        }
    }

    /// What the supervisor says; `None` when it is gone.
    pub(crate) fn receive(&mut self) -> Option<Command> {
        wire::read(&mut self.socket).ok().flatten()
    }

    pub(crate) fn supervisor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Readable when a child has ended.
    pub(crate) fn child_signals(&self) -> BorrowedFd<'_> {
        self.children.as_fd()
    }

    pub(crate) fn drain_child_signals(&mut self) {
        while matches!(self.children.read_signal(), Ok(Some(_))) {}
    }
}
