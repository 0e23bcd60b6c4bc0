//! Descriptors: what is inherited, and what is passed on.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// Descriptors that children get by number are below this, ours above: the first that the limit on open files allows.
const HIGH: [RawFd; 4] = [256, 64, 32, 16];

/// The same descriptor with a number that no child's descriptor has.
pub(crate) fn high(fd: OwnedFd) -> io::Result<OwnedFd> {
    let mut result = Ok(fd.as_raw_fd());
    for high in HIGH {
        if fd.as_raw_fd() >= high {
            return Ok(fd);
        }
        result = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(high));
        if result != Err(Errno::EINVAL) {
            break;
        }
    }
    // SAFETY: fcntl has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(result?) })
}

/// Opens `/dev/null` for those of descriptors 0 to 2 that are closed, so that nothing of ours gets their numbers.
pub(crate) fn ensure_standard_fds() {
    for fd in 0..3 {
        // SAFETY: F_GETFD on any number is harmless.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
            // SAFETY: a literal path; the lowest free number is `fd`, for all below are open.
            unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        }
    }
}

/// Closes every descriptor above 2 but `keep`: what the caller left open is no business of the tested programs.
pub(crate) fn close_inherited(keep: &[RawFd]) {
    let mut keep: Vec<_> = keep.iter().copied().filter(|fd| *fd > 2).collect();
    keep.sort_unstable();
    let mut from = 3;
    for fd in keep.into_iter().chain([RawFd::MAX]) {
        if fd > from {
            close_range(from, fd - 1);
        }
        from = fd.saturating_add(1);
    }
}

fn close_range(first: RawFd, last: RawFd) {
    // SAFETY: the caller keeps what is still used.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if done < 0 {
        // Kernels before 5.9.
        for fd in first..=last.min(65_535) {
            // SAFETY: as above.
            unsafe { libc::close(fd) };
        }
    }
}

/// Raises the soft limit of open files to the hard one, and returns what it was.
pub(crate) fn raise_open_files() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain calls with a valid pointer.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) < 0 {
            return None;
        }
        // The kernel's own ceiling keeps `close_range` and the like quick.
        let raised = libc::rlimit { rlim_cur: limit.rlim_max.min(1 << 20), ..limit };
        libc::setrlimit(libc::RLIMIT_NOFILE, &raised);
    }
    Some(limit)
}
