//! What processes use, as `/proc` and the kernel's accounts have it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::fd::AsRawFd;

use super::Child;

/// What several processes use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processes and threads.
    pub(crate) tasks: u64,
    /// Bytes of memory that are resident. What several share is counted for each.
    pub(crate) resident: u64,
}

/// How many processes the kernel is to allow where `limit` are allowed: more, so that the limit is seen to be exceeded.
pub(crate) fn hard_limit_of_processes(limit: u64) -> u64 {
    limit.saturating_add(limit.max(64))
}

/// One line of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug)]
struct Stat {
    parent: i32,
    tasks: u64,
    pages: u64,
}

/// What all descendants of this process use. Zero where there is no `/proc`.
pub(crate) fn usage_of_descendants() -> Usage {
    // By the number that we have there: `/proc` may be that of another process namespace.
    let own = fs::read_link("/proc/self").ok().and_then(|link| link.to_str()?.parse::<i32>().ok());
    let Some(own) = own else { return Usage::default() };
    let stats: HashMap<i32, Stat> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect();
    let mut ours = HashSet::from([own]);
    let mut usage = Usage::default();
    loop {
        let found: Vec<_> = stats
            .iter()
            .filter(|(pid, stat)| ours.contains(&stat.parent) && !ours.contains(*pid))
            .map(|(pid, stat)| (*pid, *stat))
            .collect();
        if found.is_empty() {
            return usage;
        }
        for (pid, stat) in found {
            ours.insert(pid);
            usage.tasks += stat.tasks;
            usage.resident += stat.pages * page_size();
        }
    }
}

/// Fields 4, 20 and 24 of proc_pid_stat(5). The name, field 2, may hold anything.
fn parse(line: &str) -> Option<Stat> {
    let fields: Vec<_> = line.get(line.rfind(')')? + 2..)?.split(' ').collect();
    let field = |number: usize| fields.get(number - 3);
    Some(Stat { parent: field(4)?.parse().ok()?, tasks: field(20)?.parse().ok()?, pages: field(24)?.parse().ok()? })
}

fn page_size() -> u64 {
    // SAFETY: a plain call.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// The most memory that this process has had resident so far, in bytes.
pub(super) fn own_peak_memory() -> u64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF);
    usage.ok().and_then(|usage| u64::try_from(usage.max_rss()).ok()).map_or(0, |kibibytes| kibibytes * 1024)
}

/// The most memory that a process has had resident, once it has ended: its own and that of the children it has waited for,
/// whichever is more; `None` when that is not known to be its own. The process is not reaped.
pub(crate) fn peak_memory(child: &Child) -> Option<u64> {
    // SAFETY: all-zero is valid for both, and the kernel fills them. The C library's `waitid` has no fifth argument.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let mut usage: libc::rusage = std::mem::zeroed();
        let waited = libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            child.pidfd.as_raw_fd(),
            &raw mut info,
            libc::WEXITED | libc::WNOWAIT | libc::WNOHANG,
            &raw mut usage,
        );
        if waited < 0 || info.si_pid() == 0 {
            return None;
        }
        let peak = u64::try_from(usage.ru_maxrss).ok().map(|kibibytes| kibibytes * 1024);
        peak.filter(|peak| *peak > child.inherited_peak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_confuse() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 5 0 100 4096 42 18446744073709551615";
        let stat = parse(line).expect("a line of /proc/PID/stat");
        assert_eq!((stat.parent, stat.tasks, stat.pages), (3, 5, 42));
    }
}
