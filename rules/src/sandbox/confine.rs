//! What the tested programs can't do, whatever namespaces they are in.

use std::io;

/// Keeps every program that this process starts from gaining privileges (setuid files, file capabilities), and from
/// looking into this process.
pub(super) fn confine() -> io::Result<()> {
    // SAFETY: plain calls without pointers.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
            return Err(io::Error::last_os_error());
        }
        // A new session keyring: the caller's may hold secrets, and would be inherited. Without the facility there is
        // nothing to inherit.
        const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
    }
    // One byte, not 0: of programs that handle core dumps (`core_pattern` with a pipe) the kernel keeps them only so.
    let limit = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
    // SAFETY: a pointer to a value that outlives the call. Where it is refused, the limit is lower already.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) };
    Ok(())
}

/// Drops the capabilities of everything that this process starts; it keeps its own, and so can't be traced by them.
///
/// Programs get capabilities because they are root's: that is switched off for good (capabilities(7), "The securebits
/// flags"). And they get them from their files: not where all that is mounted is `nosuid`. Otherwise `no_new_privs` lets them
/// have those that this process has itself, so all are taken away one by one, which takes longer.
pub(super) fn drop_capabilities(nosuid: bool) {
    const NO_ROOT: libc::c_int = 1 << 0;
    const NO_ROOT_LOCKED: libc::c_int = 1 << 1;
    // SAFETY: plain calls.
    let switched_off = unsafe {
        let bits = libc::prctl(libc::PR_GET_SECUREBITS, 0, 0, 0, 0).max(0) | NO_ROOT | NO_ROOT_LOCKED;
        libc::prctl(libc::PR_SET_SECUREBITS, bits, 0, 0, 0) == 0
    };
    let capabilities = if switched_off && nosuid { 0..0 } else { 0..64 };
    for capability in capabilities {
        // SAFETY: a plain call; beyond the last capability it fails.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } < 0 {
            break;
        }
    }
    // SAFETY: a plain call; fails on kernels without ambient capabilities, where there are none to drop.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
}

/// Makes this process unreadable for others of the same user: its memory, environment and descriptors.
pub(super) fn hide_from_others() {
    // SAFETY: a plain call.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// Has the kernel end this process when its parent thread ends.
///
/// Where the parent is gone already, nothing would ever come: `alive` is a pipe of which the parent holds the other end.
pub(crate) fn die_with_parent(alive: &std::os::fd::OwnedFd) -> io::Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    // SAFETY: a plain call.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
    let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(alive), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::ZERO)? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
