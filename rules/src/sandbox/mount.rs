//! Mounting, by the calls that work on descriptors (Linux 5.12 and later).

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, mkdirat};

/// Attributes of a mount, as in `mount_setattr(2)`.
pub(super) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub(super) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub(super) const NO_DEV: u64 = libc::MOUNT_ATTR_NODEV;
pub(super) const NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

pub(super) fn c_path(path: &Path) -> CString {
    crate::process::c_string(path.as_os_str().as_bytes())
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A copy of the mounts at and below `path`, attached nowhere yet.
pub(super) fn copy_tree(path: &Path) -> io::Result<OwnedFd> {
    copy_tree_at(libc::AT_FDCWD, &c_path(path))
}

fn copy_tree_at(dir: RawFd, path: &CStr) -> io::Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
    // SAFETY: the path is a C string that outlives the call.
    let fd = check(unsafe { libc::syscall(libc::SYS_open_tree, dir, path.as_ptr(), flags) })?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sets attributes of a tree and of all mounts below it.
pub(super) fn restrict(tree: &OwnedFd, attributes: u64) -> io::Result<()> {
    restrict_at(tree.as_raw_fd(), c"", attributes, libc::AT_EMPTY_PATH | libc::AT_RECURSIVE)
}

/// Makes what is mounted at `path` (relative to the working directory) read-only.
pub(super) fn make_read_only(path: &Path) -> io::Result<()> {
    restrict_at(libc::AT_FDCWD, &c_path(path), READ_ONLY, 0)
}

fn restrict_at(dir: RawFd, path: &CStr, attributes: u64, flags: i32) -> io::Result<()> {
    let attr = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: pointers to values that outlive the call, with their size.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            dir,
            path.as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    check(set).map(drop)
}

/// Attaches a tree at `path`, relative to the working directory.
pub(super) fn attach(tree: &OwnedFd, path: &Path) -> io::Result<()> {
    let path = c_path(path);
    // SAFETY: C strings that outlive the call.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    check(moved).map(drop)
}

/// Mounts a file system of the kernel's own (`tmpfs`, `proc`, `devpts`) at `path`, relative to the working directory.
pub(super) fn mount_new(kind: &CStr, path: &Path, flags: libc::c_ulong, options: &CStr) -> io::Result<()> {
    let path = c_path(path);
    // SAFETY: C strings that outlive the call.
    let mounted = unsafe { libc::mount(kind.as_ptr(), path.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast()) };
    check(mounted.into()).map(drop)
}

/// A file system in memory whose directories are attached in many places. To make one for each place takes ten times as
/// long.
#[derive(Debug)]
pub(super) struct Tmpfs {
    root: OwnedFd,
    directories: u32,
}

impl Tmpfs {
    /// Mounts it at `path`, where another mount is to cover it.
    pub(super) fn below(path: &Path) -> io::Result<Self> {
        mount_new(c"tmpfs", path, libc::MS_NOSUID | libc::MS_NODEV, c"mode=755")?;
        let root = open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Self { root, directories: 0 })
    }

    /// A new directory, attached nowhere yet.
    pub(super) fn directory(&mut self, mode: u32) -> io::Result<OwnedFd> {
        let name = crate::process::c_string(self.directories.to_string());
        self.directories += 1;
        let mode = Mode::from_bits_truncate(mode);
        mkdirat(&self.root, name.as_c_str(), mode)?;
        if mode.intersects(Mode::S_IWGRP | Mode::S_IWOTH) {
            // The mask of new files has taken these.
            fchmodat(&self.root, name.as_c_str(), mode, FchmodatFlags::FollowSymlink)?;
        }
        copy_tree_at(self.root.as_raw_fd(), &name)
    }
}

/// Keeps mounts of ours from showing in the namespace that we came from.
pub(super) fn make_private() -> io::Result<()> {
    // SAFETY: C strings and null where nothing is needed.
    let done = unsafe {
        libc::mount(
            std::ptr::null(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            std::ptr::null(),
        )
    };
    check(done.into()).map(drop)
}

/// Makes the working directory, where a tree is attached, the root; what was the root is unmounted.
pub(super) fn change_root() -> io::Result<()> {
    // SAFETY: C strings. With both paths the same, the old root lies on top of the new one and is unmounted there
    // (pivot_root(2), "pivot_root(".", ".")").
    unsafe {
        check(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
        check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH).into())?;
        check(libc::chdir(c"/".as_ptr()).into())?;
    }
    Ok(())
}
