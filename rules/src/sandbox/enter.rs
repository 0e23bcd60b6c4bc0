//! Making the sandbox, from within: what the executor does before anything else.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{Mode, SFlag, mknod};
use serde::{Deserialize, Serialize};

use super::confine::{confine, drop_capabilities, hide_from_others};
use super::facet::{Facet, Facets, State, Unfit};
use super::landlock::restrict_writes;
use super::mount::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY, Tmpfs, attach, copy_tree, mount_new, restrict};
use super::namespaces::Ids;
use super::view::{Plan, Wishes, below_root};
use super::{Isolation, LANDLOCK, PROC, Place, Wanted, remedy};
use crate::case::{Case, View};

/// What sandbox an executor is to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    /// The namespaces that the executor was made with.
    pub(crate) facets: Facets,
    /// What became of the others.
    pub(crate) states: BTreeMap<String, State>,
    /// Who the caller is.
    pub(crate) ids: Ids,
    /// The caller's home directory.
    pub(crate) home: Option<PathBuf>,
}

/// The devices that programs may expect.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const DEVICE_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Makes new namespaces fit to live in. It needs no case, so an executor does it while it waits for one. `ids` are those of
/// the caller, which can't be told from within.
///
/// # Errors
///
/// When a facet turns out not to be there.
pub(crate) fn furnish(facets: Facets, ids: Ids) -> Result<(), Unfit> {
    if facets.has(Facet::User) {
        ids.map().map_err(|e| Unfit::new(Facet::User, "writing the user map", &e))?;
    }
    if facets.has(Facet::Network) {
        raise_loopback().map_err(|e| Unfit::new(Facet::Network, "raising the loopback interface", &e))?;
    }
    if facets.has(Facet::Uts) {
        nix::unistd::sethostname("localhost")
            .map_err(|e| Unfit::new(Facet::Uts, "setting the host's name", &e.into()))?;
    }
    if facets.has(Facet::Mount) {
        mount::make_private().map_err(|e| Unfit::new(Facet::Mount, "making the mounts private", &e))?;
    }
    Ok(())
}

impl Order {
    /// Whether the case has a user namespace.
    pub(crate) fn has_own_users(&self) -> bool {
        self.facets.has(Facet::User)
    }

    /// Makes the sandbox around this process, in namespaces that were furnished, and tells what was obtained.
    ///
    /// # Errors
    ///
    /// When a facet that was thought to be there turns out not to be: the process is of no use then, and another has to be
    /// made, without that facet.
    pub(crate) fn enter(&self, case: &Case, place: &Place, path: &str) -> Result<Isolation, Unfit> {
        let mut isolation = Isolation::of(self);
        if self.wanted == Wanted::None {
            return Ok(isolation);
        }
        let facets = self.facets;
        if facets.has(Facet::Mount) {
            let proc = self.mount(case, place, path)?;
            isolation.facets.insert(PROC.into(), proc);
        }
        confine().map_err(|e| Unfit::new(Facet::Pid, "giving up new privileges", &e))?;
        if facets != Facets::NONE {
            drop_capabilities(facets.has(Facet::Mount));
        }
        if !facets.has(Facet::Mount) {
            isolation.facets.insert(LANDLOCK.into(), restrict_writes(place, facets));
        }
        hide_from_others();
        isolation.level = isolation.rung().to_owned();
        Ok(isolation)
    }

    /// Makes the case's file system. Returns what became of `/proc`.
    fn mount(&self, case: &Case, place: &Place, path: &str) -> Result<State, Unfit> {
        let lost = |what: &'static str| move |error: io::Error| Unfit::new(Facet::Mount, what, &error);
        let home = self.home.as_deref();
        let plan = Plan::new(&Wishes { case, place, path, home });
        let own = copy_tree(&place.root).map_err(lost("copying the mount of the case's directory"))?;
        restrict(&own, NO_SUID | NO_DEV).map_err(lost("restricting the case's directory"))?;
        // The new root is attached at some directory that is ours; once it is the root, that is of no concern.
        if case.sandbox.view == View::Host {
            let root = copy_tree(Path::new("/")).map_err(lost("copying the host's mounts"))?;
            restrict(&root, READ_ONLY | NO_SUID | NO_DEV).map_err(lost("making the host's mounts read-only"))?;
            attach(&root, &place.root).map_err(lost("attaching the new root"))?;
        } else {
            mount_new(c"tmpfs", &place.root, libc::MS_NOSUID | libc::MS_NODEV, c"mode=755")
                .map_err(lost("mounting the new root"))?;
        }
        std::env::set_current_dir(&place.root).map_err(lost("entering the new root"))?;
        let proc = self.mount_proc(case.limits.processes).map_err(lost("mounting /proc"))?;
        let mut empty = make_devices().map_err(lost("making /dev"))?;
        plan.carry_out(&mut empty).map_err(lost("making the view of the file system"))?;
        attach(&own, below_root(&place.root)).map_err(lost("attaching the case's directory"))?;
        if case.sandbox.view == View::Declared {
            mount::make_read_only(Path::new(".")).map_err(lost("making the new root read-only"))?;
        }
        mount::change_root().map_err(lost("changing the root (pivot_root)"))?;
        Ok(proc)
    }

    /// A fresh `/proc`, or the host's where the kernel wants that.
    fn mount_proc(&self, processes: Option<u64>) -> io::Result<State> {
        let proc = Path::new("proc");
        if !proc.is_dir() {
            std::fs::create_dir(proc)?;
        }
        let quiet = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let fresh = if self.facets.has(Facet::Pid) {
            mount_new(c"proc", proc, quiet, c"")
        } else {
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        };
        let state = match fresh {
            Ok(()) => State::obtained(),
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                let tree = copy_tree(Path::new("/proc"))?;
                restrict(&tree, NO_SUID | NO_DEV)?;
                attach(&tree, proc)?;
                State::refused("mounting a fresh /proc; the host's is bound instead", errno, remedy::proc(errno))
            }
        };
        if let Some(limit) = processes.filter(|_| state.obtained) {
            bound_process_ids(limit);
        }
        if self.ids.uid == 0 {
            // These trust the number of the user, not capabilities.
            for name in ["sys", "irq", "bus", "fs", "sysrq-trigger"] {
                let path = proc.join(name);
                if let Ok(tree) = copy_tree(&path) {
                    restrict(&tree, READ_ONLY)?;
                    attach(&tree, &path)?;
                }
            }
        }
        Ok(state)
    }
}

/// Has the kernel give no more than so many process ids in this namespace: root is exempt from the limit that other users
/// have. Since Linux 6.14; before, the number is the whole machine's, and must not be touched.
fn bound_process_ids(limit: u64) {
    const LOWEST: u64 = 301;
    let release = std::fs::read_to_string("proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= (6, 14) {
        let bound = crate::process::hard_limit_of_processes(limit).clamp(LOWEST, 4 << 20);
        let _ = std::fs::write("proc/sys/kernel/pid_max", bound.to_string());
    }
}

/// A `/dev` with what any program may expect, and nothing more. Returns the file system that it is a part of.
fn make_devices() -> io::Result<Tmpfs> {
    let dev = Path::new("dev");
    if !dev.is_dir() {
        std::fs::create_dir(dev)?;
    }
    let mut tmpfs = Tmpfs::below(dev)?;
    let tree = tmpfs.directory(0o755)?;
    restrict(&tree, NO_EXEC)?;
    attach(&tree, dev)?;
    for name in DEVICES {
        let host = Path::new("/dev").join(name);
        // A missing device is missing inside as well.
        if let Ok(tree) = copy_tree(&host) {
            let path = dev.join(name);
            mknod(&path, SFlag::S_IFREG, Mode::S_IRUSR, 0)?;
            attach(&tree, &path)?;
        }
    }
    for (name, target) in DEVICE_LINKS {
        symlink(target, dev.join(name))?;
    }
    for name in ["shm", "pts"] {
        std::fs::create_dir(dev.join(name))?;
    }
    attach(&tmpfs.directory(0o1777)?, &dev.join("shm"))?;
    // Terminals are a nicety: a kernel without them is no reason to go without the rest.
    let _ = mount_new(
        c"devpts",
        &dev.join("pts"),
        libc::MS_NOSUID | libc::MS_NOEXEC,
        c"newinstance,ptmxmode=0666,mode=620",
    );
    Ok(tmpfs)
}

/// Raises `lo`, which is down in a new network namespace.
fn raise_loopback() -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all-zero is a valid ifreq, and the name fits.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: a pointer to a request that outlives the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
