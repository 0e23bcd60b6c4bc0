//! The directory of a case's logs, as the supervisor has it open.
//!
//! A tested program may put links where its logs or their directory were. By their paths, what is read, kept and removed after
//! the case could be any file of the caller's.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

/// An open directory.
#[derive(Debug)]
pub(crate) struct LogDir(OwnedFd);

impl LogDir {
    /// Opens the directory at `path`, to be called before anything is tested.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(Self(open(path, flags, Mode::empty())?))
    }

    /// Opens the log called `name`.
    ///
    /// # Errors
    ///
    /// Those of the kernel, and when it is not a regular file: no log of ours.
    pub(crate) fn log(&self, name: &str) -> io::Result<File> {
        // A pipe would be waited for.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("something else was put in its place"));
        }
        Ok(file)
    }

    /// Gives the log called `name` another name, `to`.
    pub(crate) fn link(&self, name: &str, to: &Path) -> io::Result<()> {
        Ok(linkat(&self.0, name, AT_FDCWD, to, AtFlags::empty())?)
    }

    /// Removes the log called `name`.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_in_the_place_of_logs_lead_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("logs")).unwrap();
        fs::create_dir(at("victim")).unwrap();
        fs::write(at("logs/a.stdout"), "printed").unwrap();
        fs::write(at("victim/a.stdout"), "precious").unwrap();
        let dir = LogDir::open(&at("logs")).unwrap();
        fs::rename(at("logs"), at("moved")).unwrap();
        symlink(at("victim"), at("logs")).unwrap();
        symlink(at("victim/a.stdout"), at("moved/b.stdout")).unwrap();
        nix::unistd::mkfifo(&at("moved/c.stdout"), Mode::S_IRWXU).unwrap();

        let mut text = String::new();
        dir.log("a.stdout").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "printed");
        assert!(dir.log("b.stdout").is_err() && dir.log("c.stdout").is_err());
        dir.remove("a.stdout").unwrap();
        dir.remove("b.stdout").unwrap();
        assert_eq!(fs::read_to_string(at("victim/a.stdout")).unwrap(), "precious");
        assert!(LogDir::open(&at("logs")).is_err());
    }
}
