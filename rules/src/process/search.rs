//! Looking programs up.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// Why a program can't be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotExecutable {
    /// There is no such file in these places.
    Missing(Vec<PathBuf>),
    /// There is, but it is a directory, or may not be executed.
    Forbidden(PathBuf),
}

/// The file that `name` stands for: with a slash, a path below one of `roots`; a bare one, the first in `path`.
pub(crate) fn find_program(name: &str, roots: &[PathBuf], path: &str) -> Result<PathBuf, NotExecutable> {
    let candidates: Vec<PathBuf> = if name.contains('/') {
        roots.iter().map(|root| root.join(name)).collect()
    } else {
        // An empty entry means the working directory to a shell; here it means nothing, for nobody wants that in a test.
        path.split(':').filter(|dir| !dir.is_empty()).map(|dir| Path::new(dir).join(name)).collect()
    };
    let mut forbidden = None;
    for candidate in &candidates {
        let Ok(meta) = candidate.metadata() else { continue };
        if meta.is_file() && access(candidate, AccessFlags::X_OK).is_ok() {
            return Ok(candidate.clone());
        }
        forbidden.get_or_insert_with(|| candidate.clone());
    }
    Err(forbidden.map_or(NotExecutable::Missing(candidates), NotExecutable::Forbidden))
}
