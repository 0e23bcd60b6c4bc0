//! The zygote: a small single-threaded process that makes the executors.
//!
//! It is forked before anything else happens, when the heap is empty, because a fork copies the page tables of the whole
//! heap. It is the executors' parent and a subreaper: when an executor is killed, what it leaves behind comes to the
//! zygote and is ended there. When the supervisor is gone, the zygote ends everything.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, send, sendmsg,
    socketpair,
};
use nix::unistd::{ForkResult, Pid, fork};

use crate::case::{Case, Exit};
use crate::process;
use crate::sandbox::{Facets, Ids, Ladder, Refusals, Wanted, die_with_parent, fork_into, is_refusal, refusals};

/// How long executors may take to end by themselves when the supervisor is gone.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long the last executors may take to be gone after they have said their last word, in milliseconds.
const LEAVING: u16 = 5000;

/// The supervisor's side.
#[derive(Debug)]
pub struct Zygote {
    socket: OwnedFd,
    /// How many executors were asked for, and how many of them are not known to be gone.
    asked: Cell<u32>,
    alive: Cell<u32>,
    spares: RefCell<Vec<Spare>>,
}

/// An executor that has no case.
#[derive(Debug)]
struct Spare {
    executor: u32,
    facets: Facets,
    socket: UnixStream,
}

/// What the zygote tells.
#[derive(Debug)]
pub(crate) enum News {
    /// This executor has ended.
    Ended(u32, Exit),
    /// This executor could not be made. Where namespaces were refused: which, and with what errors.
    Failed(u32, io::Error, Refusals),
    /// The zygote is gone.
    Gone,
}

/// Kinds of messages to the zygote: a number for a facet set, or none.
const FORK: u8 = b'f';
const KILL: u8 = b'k';
/// Kinds of messages from the zygote: an exit code, a signal, an error with the refusals behind it.
const CODE: u8 = b'c';
const SIGNAL: u8 = b's';
const ERROR: u8 = b'e';
/// Kind, executor and number.
const MESSAGE: usize = 9;
/// A message about an error.
const FAILURE: usize = MESSAGE + size_of::<Refusals>();

impl Zygote {
    /// Forks the zygote. To be called first of all, while the process is small and has one thread.
    ///
    /// # Errors
    ///
    /// When the kernel gives no process or socket.
    pub fn start() -> io::Result<Self> {
        process::ensure_standard_fds();
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        // SAFETY: there is one thread, and the child runs ordinary code.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => {
                begin_elsewhere(child);
                Ok(Self { socket: ours, asked: Cell::new(0), alive: Cell::new(0), spares: RefCell::default() })
            }
            ForkResult::Child => {
                drop(ours);
                let code = i32::from(serve(theirs).is_err());
                std::process::exit(code)
            }
        }
    }

    /// Has a first executor made ahead, as cases need it that want nothing special.
    pub fn prepare(&self, wanted: Wanted) {
        self.spare(Ladder::new(wanted).facets(&Case::empty()));
    }

    /// Has an executor made that [`executor`](Self::executor) will be asked for soon. That it can't be is told then.
    pub(crate) fn spare(&self, facets: Facets) {
        let mut spares = self.spares.borrow_mut();
        if spares.is_empty() {
            spares.extend(self.fork(facets));
        }
    }

    /// Takes an executor back that waits for another case.
    pub(crate) fn free(&self, executor: u32, facets: Facets, socket: UnixStream) {
        self.spares.borrow_mut().push(Spare { executor, facets, socket });
    }

    /// Lets the executors go that have no case.
    pub(crate) fn dismiss(&self) {
        self.spares.take();
    }

    /// An executor in new namespaces: its number, and where it listens.
    pub(crate) fn executor(&self, facets: Facets) -> io::Result<(u32, UnixStream)> {
        let mut spares = self.spares.borrow_mut();
        // Unfit ones find their sockets closed, and end.
        spares.retain(|spare| spare.facets == facets);
        let Spare { executor, socket, .. } = spares.pop().map_or_else(|| self.fork(facets), Ok)?;
        Ok((executor, socket))
    }

    fn fork(&self, facets: Facets) -> io::Result<Spare> {
        let executor = self.asked.get();
        let (ours, theirs) = UnixStream::pair()?;
        let message = message(FORK, executor, facets.bits());
        let fds = [theirs.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg::<()>(self.socket.as_raw_fd(), &[IoSlice::new(&message)], &rights, flags, None)?;
        self.asked.set(executor + 1);
        self.alive.set(self.alive.get() + 1);
        Ok(Spare { executor, facets, socket: ours })
    }

    /// Has an executor killed.
    pub(crate) fn kill(&self, executor: u32) {
        let _ = send(self.socket.as_raw_fd(), &message(KILL, executor, 0), MsgFlags::MSG_NOSIGNAL);
    }

    /// What the zygote tells next, if anything. All of it is to be taken whenever [`Zygote::fd`] is readable: the zygote
    /// serves nobody while it can't be rid of its news.
    pub(crate) fn news(&self) -> Option<News> {
        let mut buffer = [0; FAILURE];
        let received = nix::sys::socket::recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT);
        let (kind, executor, value) = parse(&buffer);
        let news = match received {
            Ok(MESSAGE) => News::Ended(executor, if kind == CODE { Exit::Code(value) } else { Exit::Signal(value) }),
            Ok(FAILURE) => {
                let mut refused = Refusals::default();
                for (refusal, bytes) in refused.iter_mut().zip(buffer[MESSAGE..].as_chunks::<4>().0) {
                    *refusal = i32::from_ne_bytes(*bytes);
                }
                News::Failed(executor, io::Error::from_raw_os_error(value), refused)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => return None,
            _ => return Some(News::Gone),
        };
        self.alive.set(self.alive.get().saturating_sub(1));
        self.spares.borrow_mut().retain(|spare| spare.executor != executor);
        Some(news)
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.socket
    }
}

impl Drop for Zygote {
    /// Waits until no executor is left, so that nothing outlives the command.
    fn drop(&mut self) {
        self.dismiss();
        while self.alive.get() > 0 {
            let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(&self.socket), PollFlags::POLLIN)];
            match poll(&mut fds, PollTimeout::from(LEAVING)) {
                Err(Errno::EINTR) => {}
                Ok(1..) if !matches!(self.news(), Some(News::Gone)) => {}
                _ => return,
            }
        }
    }
}

/// Has a new process begin on another processor than ours. The kernel may have it wait for this one although another is
/// idle, when that is a virtual one that sleeps.
fn begin_elsewhere(child: Pid) {
    const OURSELVES: Pid = Pid::from_raw(0);
    let (Ok(allowed), Ok(here)) = (sched_getaffinity(OURSELVES), sched_getcpu()) else { return };
    let mut others = allowed;
    let _ = others.unset(here);
    if others != CpuSet::new() && sched_setaffinity(child, &others).is_ok() {
        let _ = sched_setaffinity(child, &allowed);
    }
}

fn message(kind: u8, executor: u32, value: i32) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    message[0] = kind;
    message[1..5].copy_from_slice(&executor.to_ne_bytes());
    message[5..9].copy_from_slice(&value.to_ne_bytes());
    message
}

fn parse(bytes: &[u8]) -> (u8, u32, i32) {
    let number = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    (bytes[0], u32::from_ne_bytes(number(1)), i32::from_ne_bytes(number(5)))
}

/// The zygote's whole life.
fn serve(socket: OwnedFd) -> io::Result<()> {
    process::close_inherited(&[socket.as_raw_fd()]);
    // A session of its own: the terminal's signals go to the supervisor, which ends a run in an orderly way.
    let _ = nix::unistd::setsid();
    process::reset_signals();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
    process::become_subreaper()?;
    let children =
        SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    // Executors hold the reading end: the other one goes when the zygote does.
    let (alive, _lifeline) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let mut executors = HashMap::new();
    // The C library looks the clock up at its first use: here once, instead of in each executor.
    let _ = Instant::now();
    loop {
        let mut fds = [
            PollFd::new(std::os::fd::AsFd::as_fd(&socket), PollFlags::POLLIN),
            PollFd::new(std::os::fd::AsFd::as_fd(&children), PollFlags::POLLIN),
        ];
        poll(&mut fds, PollTimeout::NONE)?;
        let asked = fds[0].revents().is_some_and(|events| !events.is_empty());
        while matches!(children.read_signal(), Ok(Some(_))) {}
        tell_ended(&socket, &mut executors);
        if asked && !obey(&socket, &alive, &mut executors)? {
            return end_all(&mut executors, &children);
        }
    }
}

/// Does what the supervisor asks; `false` when it is gone.
fn obey(socket: &OwnedFd, alive: &OwnedFd, executors: &mut HashMap<i32, u32>) -> io::Result<bool> {
    let mut buffer = [0; 16];
    let mut space = cmsg_space!([RawFd; 1]);
    let (count, passed) = {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let Ok(received) = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags) else {
            return Ok(false);
        };
        let passed = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        });
        (received.bytes, passed)
    };
    // SAFETY: the kernel has just opened it for us.
    let passed = passed.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    if count != MESSAGE {
        return Ok(false);
    }
    let (kind, executor, value) = parse(&buffer);
    match (kind, passed) {
        (FORK, Some(passed)) => make(socket, alive, executors, (executor, Facets::from_bits(value), passed)),
        (KILL, _) => {
            for (pid, _) in executors.iter().filter(|(_, number)| **number == executor) {
                process::kill_pid(*pid);
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Makes an executor: its number, its namespaces, where it listens.
fn make(socket: &OwnedFd, alive: &OwnedFd, executors: &mut HashMap<i32, u32>, asked: (u32, Facets, OwnedFd)) {
    let (executor, facets, listens) = asked;
    let ids = Ids::of_this_process();
    match fork_into(facets) {
        Ok(Some(pid)) => {
            executors.insert(pid, executor);
        }
        Ok(None) => execute(listens, alive, facets, ids),
        Err(error) => tell_failure(socket, executor, facets, &error),
    }
}

/// Tells that no executor could be made, and which namespaces are refused.
fn tell_failure(socket: &OwnedFd, executor: u32, facets: Facets, error: &io::Error) {
    let refused = if facets != Facets::NONE && is_refusal(error) { refusals(facets) } else { Refusals::default() };
    let mut failure = message(ERROR, executor, error.raw_os_error().unwrap_or(libc::EIO)).to_vec();
    failure.extend(refused.iter().flat_map(|errno| errno.to_ne_bytes()));
    let _ = send(socket.as_raw_fd(), &failure, MsgFlags::MSG_NOSIGNAL);
}

/// The executor's whole life.
fn execute(socket: OwnedFd, alive: &OwnedFd, namespaces: Facets, ids: Ids) -> ! {
    process::close_inherited(&[socket.as_raw_fd(), alive.as_raw_fd()]);
    if die_with_parent(alive).is_err() {
        std::process::exit(1);
    }
    // SAFETY: it is a unix stream socket that nobody else owns.
    let socket = unsafe { UnixStream::from_raw_fd(socket.into_raw_fd()) };
    let code = i32::from(crate::executor::main(socket, namespaces, ids).is_err());
    // SAFETY: everything was said. To tidy up what is gone in a moment would keep a core busy.
    unsafe { libc::_exit(code) }
}

/// Tells of executors that have ended. What a killed one leaves behind is ended.
fn tell_ended(socket: &OwnedFd, executors: &mut HashMap<i32, u32>) {
    let mut bereaved = false;
    while let Some((pid, exit)) = process::reap_next() {
        let Some(executor) = executors.remove(&pid) else { continue };
        bereaved |= exit != Exit::Code(0);
        if bereaved {
            // Before the supervisor hears of it: it will remove the case's directories.
            process::kill_children_but(executors);
        }
        let (kind, value) = match exit {
            Exit::Code(code) => (CODE, code),
            Exit::Signal(signal) => (SIGNAL, signal),
        };
        let _ = send(socket.as_raw_fd(), &message(kind, executor, value), MsgFlags::MSG_NOSIGNAL);
    }
}

/// The supervisor is gone: the executors have noticed as well and end their cases; what is left after that is killed.
fn end_all(executors: &mut HashMap<i32, u32>, children: &SignalFd) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    while !executors.is_empty() && Instant::now() < until {
        let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(children), PollFlags::POLLIN)];
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        poll(&mut fds, PollTimeout::from(u16::try_from(left).unwrap_or(u16::MAX)))?;
        while matches!(children.read_signal(), Ok(Some(_))) {}
        while let Some((pid, _)) = process::reap_next() {
            executors.remove(&pid);
        }
    }
    process::kill_children(Duration::from_secs(5));
    Ok(())
}
