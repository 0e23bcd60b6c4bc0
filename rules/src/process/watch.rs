//! Many descriptors, one wait: epoll.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// How many descriptors one wait reports at most.
pub(crate) const BATCH: usize = 64;

/// Waits for any of several descriptors to become readable.
///
/// epoll reports in the order in which they became so, and each process has registered its own pidfd before it executed
/// (see `Spawner`): so exits come in their true order, however late we look.
#[derive(Debug)]
pub(crate) struct Watch(Epoll);

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Reports `token` as long as `fd` is readable.
    pub(crate) fn always(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.0.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token))?)
    }

    /// Stops watching `fd`.
    pub(crate) fn forget(&self, fd: impl AsFd) {
        let _ = self.0.delete(fd);
    }

    /// The tokens of what became readable within `timeout`, in order of becoming so.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<Vec<u64>> {
        let mut events = [EpollEvent::empty(); BATCH];
        // Rounded up: a wait that ends early would spin through the last millisecond.
        let millis = timeout.as_nanos().div_ceil(1_000_000).min(60_000);
        let timeout = EpollTimeout::try_from(u32::try_from(millis).unwrap_or(60_000)).unwrap_or(EpollTimeout::ZERO);
        match self.0.wait(&mut events, timeout) {
            Ok(count) => Ok(events[..count].iter().map(EpollEvent::data).collect()),
            Err(Errno::EINTR) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}
