//! A socket that never blocks, and the one place that waits for it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, UnixAddr, connect, getsockopt,
    recv, send, socket, sockopt,
};

use super::{Address, Error, ErrorKind};

/// Something else to wait for while waiting for a server: the exits of processes, other clocks.
pub trait Interrupt {
    /// Becomes readable when [`Interrupt::woken`] is to be asked.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// When [`Interrupt::woken`] is to be asked at the latest.
    fn due(&self) -> Option<Instant>;

    /// Takes note of what happened, so that [`Interrupt::fd`] is no longer readable; whether to give the request up.
    fn woken(&mut self) -> bool;
}

/// Nothing else to wait for.
#[derive(Debug)]
pub struct NoInterrupt;

impl Interrupt for NoInterrupt {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn woken(&mut self) -> bool {
        false
    }
}

/// How long, and what else, is waited for.
pub(super) struct Wait<'w> {
    pub(super) deadline: Instant,
    pub(super) interrupt: &'w mut dyn Interrupt,
}

impl Wait<'_> {
    /// Waits until one of `events`, or the end of the connection, has come to `socket`. `during` is for the message.
    fn until(&mut self, socket: &OwnedFd, events: PollFlags, during: &str) -> Result<PollFlags, Error> {
        loop {
            let now = Instant::now();
            let left = self.deadline.saturating_duration_since(now);
            let due = self.interrupt.due();
            let pause = due.map_or(left, |due| left.min(due.saturating_duration_since(now)));
            // Rounded up: with less than a millisecond left, this must not become a busy loop.
            let millis = i32::try_from(pause.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
            let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
            let mut fds = vec![PollFd::new(socket.as_fd(), events)];
            fds.extend(self.interrupt.fd().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
            match poll(&mut fds, timeout) {
                Ok(0) if left.is_zero() => {
                    return Err(Error::new(ErrorKind::Timeout, format!("timed out {during}")));
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(Error::broken(format!("poll failed: {}", error.desc()))),
            }
            let ready = |fd: Option<&PollFd<'_>>| fd.and_then(PollFd::revents).unwrap_or(PollFlags::empty());
            let (came, woken) = (ready(fds.first()), !ready(fds.get(1)).is_empty());
            drop(fds);
            // What has come from the server counts, even when its process ended right after: the answer was given.
            if !came.is_empty() {
                return Ok(came);
            }
            let is_due = due.is_some_and(|due| Instant::now() >= due);
            if (woken || is_due) && self.interrupt.woken() {
                return Err(Error::new(ErrorKind::Interrupted, format!("given up {during}")));
            }
        }
    }
}

/// A connected socket.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// Connects; of several addresses to the first that answers.
    pub(super) fn connect(address: &Address, wait: &mut Wait<'_>) -> Result<Self, Error> {
        if let Address::Unix(path) = address {
            let to = UnixAddr::new(path).map_err(|e| Error::broken(format!("{}: {}", path.display(), e.desc())))?;
            return connect_to(AddressFamily::Unix, &to, address, wait);
        }
        let mut first = None;
        for to in address.sockets() {
            let result = match to {
                SocketAddr::V4(to) => connect_to(AddressFamily::Inet, &SockaddrIn::from(to), address, wait),
                SocketAddr::V6(to) => connect_to(AddressFamily::Inet6, &SockaddrIn6::from(to), address, wait),
            };
            match result {
                Ok(socket) => return Ok(socket),
                Err(error) if error.kind == ErrorKind::Refused => first = first.or(Some(error)),
                // A machine without IPv6 has nothing to say beyond what the first address said.
                Err(error) => return Err(first.unwrap_or(error)),
            }
        }
        Err(first.unwrap_or_else(|| Error::broken("there is no address to connect to")))
    }

    /// Whether it can take another request: nothing has come, not even the end.
    pub(super) fn is_idle(&self) -> bool {
        let mut byte = [0; 1];
        matches!(recv(self.0.as_raw_fd(), &mut byte, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT), Err(Errno::EAGAIN))
    }

    /// Sends all of `bytes`, or as much of them as the server takes before it answers or hangs up.
    pub(super) fn send(&self, mut bytes: &[u8], wait: &mut Wait<'_>) -> Result<(), Error> {
        while !bytes.is_empty() {
            match send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    let came =
                        wait.until(&self.0, PollFlags::POLLIN | PollFlags::POLLOUT, "while sending the request")?;
                    // An early answer (413, say) ends the sending; what it is, the reader finds out.
                    if came.contains(PollFlags::POLLIN) {
                        return Ok(());
                    }
                }
                // The answer may have come before the end: the reader finds out.
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
                Err(error) => return Err(Error::broken(format!("can't send: {}", error.desc()))),
            }
        }
        Ok(())
    }

    /// Appends what comes to `buffer`, as much as `chunk` has room for; 0 at the end of the connection. `during` is for the
    /// message.
    pub(super) fn receive(
        &self,
        chunk: &mut [u8],
        buffer: &mut Vec<u8>,
        during: &str,
        wait: &mut Wait<'_>,
    ) -> Result<usize, Error> {
        loop {
            wait.until(&self.0, PollFlags::POLLIN, during)?;
            match recv(self.0.as_raw_fd(), chunk, MsgFlags::empty()) {
                Ok(length) => {
                    buffer.extend_from_slice(&chunk[..length]);
                    return Ok(length);
                }
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(Errno::ECONNRESET) => {
                    return Err(Error::broken(format!("the connection was reset {during}")));
                }
                Err(error) => return Err(Error::broken(format!("can't read: {}", error.desc()))),
            }
        }
    }
}

fn connect_to(
    family: AddressFamily,
    to: &dyn SockaddrLike,
    address: &Address,
    wait: &mut Wait<'_>,
) -> Result<Socket, Error> {
    let failed = |error: Errno| {
        let kind = match error {
            // A unix socket that is not there yet is as good as one that nobody listens on.
            Errno::ECONNREFUSED | Errno::ENOENT => ErrorKind::Refused,
            _ => ErrorKind::Broken,
        };
        let reason = match error {
            Errno::ECONNREFUSED => "nobody listens there".to_owned(),
            Errno::ENOENT => "there is no such socket".to_owned(),
            _ => io::Error::from(error).to_string(),
        };
        Error::new(kind, format!("can't connect to {address}: {reason}"))
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Stream, flags, None).map_err(failed)?;
    match connect(fd.as_raw_fd(), to) {
        Ok(()) => {}
        // EAGAIN is a unix socket's word for a full queue; it has no way to tell when that ends.
        Err(Errno::EINPROGRESS) => {
            wait.until(&fd, PollFlags::POLLOUT, &format!("while connecting to {address}"))?;
            let error = getsockopt(&fd, sockopt::SocketError).map_err(failed)?;
            if error != 0 {
                return Err(failed(Errno::from_raw(error)));
            }
        }
        Err(Errno::EAGAIN) => {
            return Err(Error::new(ErrorKind::Refused, format!("can't connect to {address}: its queue is full")));
        }
        Err(error) => return Err(failed(error)),
    }
    if family != AddressFamily::Unix {
        // A request goes out in one piece; there is nothing to gather.
        let _ = nix::sys::socket::setsockopt(&fd, sockopt::TcpNoDelay, &true);
    }
    Ok(Socket(fd))
}
