//! The directory of a run, below the sandbox directory. A file beside it is locked while the run lives, so that the next
//! run knows what a killed one has left behind, and removes it. The file comes before the directory and goes after it:
//! whenever a run is killed, an unlocked file tells of what is left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{real_path, remove_tree};

const PREFIX: &str = "foresee-run-";
/// What the name of the lock has more than the directory's.
const LOCK: &str = ".lock";
/// A link to the directory for unix sockets, where the run's own is too long for the kernel.
const SHORT: &str = "short";

/// How many names are tried.
const TRIES: u32 = 1000;

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
        match fs::create_dir_all(base) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
            }
            result => result?,
        }
        let base = real_path(base)?;
        if base.to_str().is_none() {
            // Programs get it in their environment, and reports name it.
            return Err(io::Error::other("its name is not UTF-8"));
        }
        sweep(&base);
        for number in 0.. {
            let path = unique(&base, PREFIX, number);
            let lock = match File::create_new(lock_of(&path)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < TRIES => continue,
                lock => lock?,
            };
            lock.lock()?;
            // Between the two steps another run may have taken it for a left one, and removed it.
            if !is_at(&lock, &lock_of(&path)) && number < TRIES {
                continue;
            }
            fs::DirBuilder::new().mode(0o700).create(&path)?;
            return Ok(Self { path, short: None, _lock: lock });
        }
        Err(io::Error::other("no free name"))
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
    if fs::remove_dir(path).is_err() {
        remove_tree(path)?;
    }
    fs::remove_file(lock_of(path))
}

fn lock_of(path: &Path) -> PathBuf {
    let mut lock = path.as_os_str().to_owned();
    lock.push(LOCK);
    lock.into()
}

/// Whether an open file is still the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().ok().zip(fs::metadata(path).ok()).is_some_and(|(open, there)| same(open, there))
}

/// A name below `base` that nobody else has, or the next of several.
fn unique(base: &Path, prefix: &str, number: u32) -> PathBuf {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    base.join(format!("{prefix}{}-{:x}", std::process::id(), nanos.wrapping_add(number)))
}

fn make_unique(base: &Path, prefix: &str) -> io::Result<PathBuf> {
    for number in 0.. {
        let path = unique(base, prefix, number);
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < TRIES => {}
            result => return result.map(|()| path),
        }
    }
    Err(io::Error::other("no free name"))
}

/// Removes what killed runs have left. What can't be removed is left to the next run.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(run) = name.strip_suffix(LOCK).filter(|run| run.starts_with(PREFIX)) else { continue };
        let Ok(lock) = File::options().write(true).open(entry.path()) else { continue };
        if lock.try_lock().is_ok() && is_at(&lock, &entry.path()) {
            let _ = remove_run(&base.join(run));
        }
    }
}
