//! Exits, signals, reaping.
//!
//! A process is looked at with `WNOWAIT` first and reaped last: as long as it is not reaped, neither its id nor its
//! group's can be another's, so no signal of ours can reach a stranger.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::Child;
use crate::case::Exit;

/// How `child` ended, if it has. It is not reaped.
pub(crate) fn peek_exit(child: &Child) -> Option<Exit> {
    wait_id(libc::P_PIDFD, child.pidfd.as_raw_fd().unsigned_abs(), libc::WEXITED | libc::WNOWAIT | libc::WNOHANG)
        .ok()
        .flatten()
        .map(|(_, exit)| exit)
}

/// Reaps `child`, waiting for its end.
pub(crate) fn reap(child: &Child) {
    while let Err(error) = wait_id(libc::P_PIDFD, child.pidfd.as_raw_fd().unsigned_abs(), libc::WEXITED) {
        if error.raw_os_error() != Some(libc::EINTR) {
            break;
        }
    }
}

/// Reaps one zombie that `is_ours` does not claim. `false` when there is none to be had.
pub(crate) fn reap_any(is_ours: impl Fn(i32) -> bool) -> bool {
    match wait_id(libc::P_ALL, 0, libc::WEXITED | libc::WNOWAIT | libc::WNOHANG) {
        Ok(Some((pid, _))) if !is_ours(pid) => {
            wait_id(libc::P_PID, pid.unsigned_abs(), libc::WEXITED | libc::WNOHANG).is_ok()
        }
        _ => false,
    }
}

/// Whether this process has any child, dead or alive.
pub(crate) fn children_left() -> bool {
    !matches!(
        wait_id(libc::P_ALL, 0, libc::WEXITED | libc::WNOWAIT | libc::WNOHANG),
        Err(error) if error.raw_os_error() == Some(libc::ECHILD)
    )
}

/// `waitid`: who ended and how; `None` when nobody has.
fn wait_id(which: libc::idtype_t, id: u32, options: i32) -> io::Result<Option<(i32, Exit)>> {
    // SAFETY: all-zero is a valid siginfo_t, and waitid fills it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        if libc::waitid(which, id, &mut info, options) < 0 {
            return Err(io::Error::last_os_error());
        }
        if info.si_pid() == 0 {
            return Ok(None);
        }
        let status = info.si_status();
        let exit = if info.si_code == libc::CLD_EXITED { Exit::Code(status) } else { Exit::Signal(status) };
        Ok(Some((info.si_pid(), exit)))
    }
}

/// Sends `signal` to `child`; to one that has ended, nothing happens.
pub(crate) fn send_signal(child: &Child, signal: i32) -> io::Result<()> {
    let fd = child.pidfd.as_fd().as_raw_fd();
    // SAFETY: a descriptor of ours and no siginfo.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, std::ptr::null::<libc::siginfo_t>(), 0) };
    match sent {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()).or_else(|error: io::Error| match error.raw_os_error() {
            Some(libc::ESRCH) => Ok(()),
            _ => Err(error),
        }),
    }
}

/// SIGKILL to the process group that `child` leads. `child` must not be reaped yet: only then is the group's id its own.
pub(crate) fn kill_group(child: &Child) {
    // SAFETY: plain call; that nobody is left in the group is fine.
    unsafe { libc::kill(-child.pid, libc::SIGKILL) };
}

/// SIGKILL to every child of this process, again and again until none is left: those of a killed child come to us when we
/// are a subreaper or the first process of a namespace. Gives up after `patience` (a process in an uninterruptible call).
pub(crate) fn kill_children(patience: Duration) -> bool {
    let started = std::time::Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        while reap_next().is_some() {}
        if !children_left() {
            return true;
        }
        if started.elapsed() > patience {
            return false;
        }
        kill_all_below();
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// SIGKILL to every child; by the first process of a namespace to everything in it.
fn kill_all_below() {
    // SAFETY: getpid has no preconditions. Everyone whom the first process of a namespace may signal is in the namespace.
    unsafe {
        if libc::getpid() == 1 {
            libc::kill(-1, libc::SIGKILL);
            return;
        }
    }
    for pid in children() {
        // SAFETY: a child of ours that only we reap, so its id is its own.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

/// The ids of this process's children.
fn children() -> Vec<i32> {
    // The main thread started them all, or inherited them.
    // SAFETY: getpid has no preconditions.
    let path = format!("/proc/self/task/{}/children", unsafe { libc::getpid() });
    let listed = std::fs::read_to_string(path).or_else(|_| std::fs::read_to_string("/proc/thread-self/children"));
    listed.unwrap_or_default().split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Makes this process the parent of orphans among its descendants.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: plain call.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The names of this process's living children, for messages: what the kernel calls them.
pub(crate) fn children_names() -> Vec<String> {
    let name = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let mut names: Vec<_> = children().into_iter().filter_map(name).map(|n| format!("`{}`", n.trim_end())).collect();
    names.sort();
    names
}

/// Reaps any child that has ended.
pub(crate) fn reap_next() -> Option<(i32, Exit)> {
    wait_id(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG).ok().flatten()
}

/// SIGKILL to a child that is not reaped yet.
pub(crate) fn kill_pid(pid: i32) {
    // SAFETY: a child of ours that only we reap, so its id is its own.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// SIGKILL to every child but `spared`, again and again until only those are left.
pub(crate) fn kill_children_but(spared: &std::collections::HashMap<i32, u32>) {
    for _ in 0..1000 {
        let strays: Vec<_> = children().into_iter().filter(|pid| !spared.contains_key(pid)).collect();
        if strays.is_empty() {
            return;
        }
        for pid in strays {
            kill_pid(pid);
            let _ = wait_id(libc::P_PID, pid.unsigned_abs(), libc::WEXITED | libc::WNOHANG);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Gives every signal its default disposition: what our caller ignores must not be ignored by the tested programs.
pub(crate) fn reset_signals() {
    // Not through the C library: it refuses the two or three signals that it keeps for itself, which a caller's C library
    // may have left ignored. All zero is `SIG_DFL` without flags, whatever the order of the members.
    let default = [0_usize; 8];
    for signal in 1..=64 {
        // SAFETY: the kernel reads less than `default` has and writes nothing; SIGKILL and SIGSTOP are refused.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null_mut::<usize>(), 8);
        }
    }
}

/// Whether a signal is ignored: by our caller, for we ignore none of those that this is asked of.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: all-zero is a valid sigaction, and only the present one is asked for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Gives a signal its default disposition when it is ignored.
pub(crate) fn unignore(signal: i32) {
    // SAFETY: no handler of ours is replaced: we have none.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}
