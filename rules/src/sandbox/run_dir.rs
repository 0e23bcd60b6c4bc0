//! The directory of a run, below the sandbox directory. It is locked while the run lives, so that the next run knows what
//! a killed one has left behind, and removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::remove_tree;

const PREFIX: &str = "foresee-run-";
const LOCK: &str = "lock";
/// A link to the directory for unix sockets, where the run's own is too long for the kernel.
const SHORT: &str = "short";
/// How long another run may take to make its directory.
const PATIENCE: Duration = Duration::from_millis(500);
/// Where that can't be waited for, a directory without a lock is being made, unless it has been so for this long.
const BEING_MADE: Duration = Duration::from_secs(600);

/// The directory of a run.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    short: Option<PathBuf>,
    _lock: File,
}

impl RunDir {
    /// Makes a directory below `base`, and removes those that killed runs have left there.
    pub(crate) fn create(base: &Path) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        let base = fs::canonicalize(base)?;
        // While it is held nobody makes a directory here, and one without a lock belongs to nobody.
        let making = hold(&base);
        sweep(&base, making.is_some());
        let path = make_unique(&base, PREFIX)?;
        let new = path.join("lock.new");
        let lock = File::create_new(&new)?;
        lock.lock()?;
        // Only now can others see a lock, and it is held.
        fs::rename(&new, path.join(LOCK))?;
        drop(making);
        Ok(Self { path, short: None, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A short directory for unix sockets; made when first asked for.
    pub(crate) fn short(&mut self) -> io::Result<&Path> {
        if self.short.is_none() {
            let short = make_unique(Path::new("/tmp"), "foresee-s-")?;
            std::os::unix::fs::symlink(&short, self.path.join(SHORT))?;
            self.short = Some(short);
        }
        Ok(self.short.as_deref().unwrap_or(&self.path))
    }

    /// Removes the directory with all below it.
    pub(crate) fn remove(self) -> io::Result<()> {
        remove_run(&self.path)
    }
}

fn remove_run(path: &Path) -> io::Result<()> {
    if let Ok(short) = fs::read_link(path.join(SHORT)) {
        let ours = short.file_name().is_some_and(|name| name.to_string_lossy().starts_with("foresee-s-"));
        if ours {
            remove_tree(&short)?;
        }
    }
    remove_tree(path)
}

fn make_unique(base: &Path, prefix: &str) -> io::Result<PathBuf> {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    for number in 0.. {
        let path = base.join(format!("{prefix}{}-{:x}", std::process::id(), nanos.wrapping_add(number)));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {}
            result => return result.map(|()| path),
        }
    }
    Err(io::Error::other("no free name"))
}

/// Locks the directory in which run directories are made; `None` when somebody else does not let go of it.
fn hold(base: &Path) -> Option<File> {
    let dir = File::open(base).ok()?;
    let until = Instant::now() + PATIENCE;
    loop {
        match dir.try_lock() {
            Ok(()) => return Some(dir),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => return None,
        }
    }
}

/// Removes what killed runs have left. What can't be removed is left to the next run. `alone`: no other run is just being
/// made.
fn sweep(base: &Path, alone: bool) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        match File::open(path.join(LOCK)) {
            Ok(lock) => {
                if lock.try_lock().is_ok() {
                    let _ = remove_run(&path);
                }
            }
            Err(_) => {
                let made = entry.metadata().and_then(|meta| meta.modified());
                let age = made.ok().and_then(|made| SystemTime::now().duration_since(made).ok());
                if alone || age.is_some_and(|age| age > BEING_MADE) {
                    let _ = remove_run(&path);
                }
            }
        }
    }
}
