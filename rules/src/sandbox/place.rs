//! The directories of a case.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::case::{Case, PortKind};

/// Longest directory for unix sockets: `sun_path` has 108 bytes, and a number follows.
const MAX_SOCKET_DIR: usize = 96;

/// The directories of one case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Holds all of them.
    pub(crate) root: PathBuf,
    /// The work directory.
    pub(crate) work: PathBuf,
    /// HOME.
    pub(crate) home: PathBuf,
    /// TMPDIR.
    pub(crate) tmp: PathBuf,
    /// Logs of the processes.
    pub(crate) logs: PathBuf,
    /// Unix sockets: `root`'s own, or a shorter one when that is too long for the kernel.
    pub(crate) sockets: PathBuf,
}

impl Place {
    /// The directories as they would be below `root`.
    pub(crate) fn at(root: &Path) -> Self {
        let at = |name: &str| root.join(name);
        Self {
            root: root.to_owned(),
            work: at("work"),
            home: at("home"),
            tmp: at("tmp"),
            logs: at("logs"),
            sockets: at("s"),
        }
    }

    /// Whether the case has unix sockets, and below `root` their paths would be too long for the kernel.
    pub(crate) fn needs_short(root: &Path, case: &Case) -> bool {
        Self::at(root).sockets.as_os_str().len() > MAX_SOCKET_DIR
            && case.ports.iter().any(|port| port.kind == PortKind::Unix)
    }

    /// HOME and TMPDIR.
    pub(crate) fn env(&self) -> [(String, String); 2] {
        [("HOME", &self.home), ("TMPDIR", &self.tmp)].map(|(name, dir)| (name.to_owned(), dir.display().to_string()))
    }

    /// Makes the directories of a case below `root`, and copies its inputs. Unix sockets go to `short`, when given.
    pub(crate) fn create(root: &Path, case: &Case, short: Option<PathBuf>) -> io::Result<Self> {
        let mut place = Self::at(root);
        if let Some(short) = short {
            place.sockets = short;
        }
        // Without processes nobody would look for a home.
        let of_processes = if case.processes.is_empty() { &[][..] } else { &[&place.home, &place.tmp] };
        for dir in [&place.root, &place.work, &place.logs].into_iter().chain(of_processes.iter().copied()) {
            fs::DirBuilder::new().mode(0o700).create(dir)?;
        }
        for input in &case.inputs {
            let to = place.work.join(&input.to);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            copy(&input.from, &to)
                .map_err(|error| io::Error::new(error.kind(), format!("input `{}`: {error}", input.to.display())))?;
        }
        Ok(place)
    }

    /// Removes all of it, also what a test has made unreadable. Links that a test has made are not followed.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if !self.sockets.starts_with(&self.root) {
            remove_tree(&self.sockets)?;
        }
        // As a rule there is nothing else: to find that out costs more than to try.
        for dir in [&self.work, &self.home, &self.tmp, &self.logs] {
            let _ = fs::remove_dir(dir);
        }
        fs::remove_dir(&self.root).or_else(|_| remove_tree(&self.root))
    }
}

/// Copies a file or a directory. Links are followed (runfiles are links), copies are writable.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::metadata(from)?;
    if meta.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if !meta.is_file() {
        return Err(io::Error::other("neither a file nor a directory"));
    }
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(meta.permissions().mode() & 0o777 | 0o600))
}

/// Removes a directory with all below it; directories that were made unreadable are made readable first.
pub(crate) fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_removable(dir);
            fs::remove_dir_all(dir)
        }
        result => result,
    }
}

fn make_removable(dir: &Path) {
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}
