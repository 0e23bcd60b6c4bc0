//! Making a process with namespaces of its own, and finding out which of them the machine refuses.

use std::io;

use super::facet::{Facet, Facets};

/// Errors of `clone`, one for each facet; 0 where there was none.
pub(crate) type Refusals = [i32; Facet::ALL.len()];

/// `fork`, into new namespaces. `None` in the child.
///
/// There must be just one thread. The C library does not know of this child, which matters only to programs with threads
/// or with handlers for forks.
pub(crate) fn fork_into(facets: Facets) -> io::Result<Option<i32>> {
    let flags = facets.flags() | libc::SIGCHLD;
    // SAFETY: without CLONE_VM this is a fork, and the child goes on with a copy of everything, stack included.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(i32::try_from(pid).unwrap_or(i32::MAX))),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether `error` says that namespaces are refused, rather than that there is no process to be had.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    // ENOSPC and EUSERS: a limit such as `user.max_user_namespaces`. ENOSYS: a seccomp filter, or no such kernel option.
    matches!(
        error.raw_os_error(),
        Some(libc::EPERM | libc::EACCES | libc::EINVAL | libc::ENOSPC | libc::EUSERS | libc::ENOSYS)
    )
}

/// Tries every facet by itself, in a child that ends at once. Only after `fork_into` was refused: it does not say which
/// facet it was.
pub(crate) fn refusals(facets: Facets) -> Refusals {
    let ids = Ids::of_this_process();
    let mut refusals = [libc::EIO; Facet::ALL.len()];
    let Ok((reader, writer)) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC) else { return refusals };
    match fork_into(Facets::NONE) {
        Ok(Some(pid)) => {
            drop(writer);
            let mut bytes = [0; 4 * Facet::ALL.len()];
            if io::Read::read_exact(&mut std::fs::File::from(reader), &mut bytes).is_ok() {
                for (refusal, bytes) in refusals.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *refusal = i32::from_ne_bytes(*bytes);
                }
            }
            // SAFETY: a child of ours.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        }
        Ok(None) => {
            let tried = Facet::ALL.map(|facet| if facets.has(facet) { try_facet(facet, ids) } else { 0 });
            let bytes: Vec<u8> = tried.iter().flat_map(|errno| errno.to_ne_bytes()).collect();
            let _ = io::Write::write_all(&mut std::fs::File::from(writer), &bytes);
            // SAFETY: nothing of the parent's may be run or flushed.
            unsafe { libc::_exit(0) }
        }
        Err(_) => {}
    }
    refusals
}

fn try_facet(facet: Facet, ids: Ids) -> i32 {
    // SAFETY: a plain call in a process with one thread.
    if unsafe { libc::unshare(facet.flag()) } < 0 {
        return io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    }
    match facet {
        Facet::User => ids.map().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO)),
        _ => 0,
    }
}

/// The user and group of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ids {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Ids {
    pub(crate) fn of_this_process() -> Self {
        Self { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() }
    }

    /// Makes the user inside the new user namespace the user outside, so that the ownership of files holds.
    pub(super) fn map(self) -> io::Result<()> {
        // Without this, an unprivileged process may not map its group: it could drop groups that deny it something.
        match std::fs::write("/proc/self/setgroups", "deny") {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::write("/proc/self/uid_map", format!("{0} {0} 1", self.uid))?;
        std::fs::write("/proc/self/gid_map", format!("{0} {0} 1", self.gid))
    }
}
