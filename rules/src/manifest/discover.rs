//! Which files are manifests.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A file to be loaded.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether the user named it; a file that was searched for may have no cases.
    pub(super) named: bool,
}

/// The manifests that `path` stands for: itself, or those below it.
///
/// # Errors
///
/// When a directory can't be read.
pub(super) fn discover(path: &Path, output_dir: Option<&Path>) -> io::Result<Vec<Found>> {
    if !path.is_dir() {
        return Ok(vec![Found { path: path.to_owned(), named: true }]);
    }
    let mut found = Vec::new();
    search(path, output_dir.and_then(|dir| fs::canonicalize(dir).ok()).as_deref(), &mut found)?;
    Ok(found)
}

/// The paths of the manifests that `path` stands for: itself, or those below it.
///
/// # Errors
///
/// When a directory can't be read.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(discover(path, None)?.into_iter().map(|found| found.path).collect())
}

fn search(dir: &Path, output_dir: Option<&Path>, found: &mut Vec<Found>) -> io::Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // The type of the entry itself: a link to a directory is not followed.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let passed = name.starts_with('.') || name == "node_modules" || name == "target";
            let output = output_dir.is_some_and(|output| fs::canonicalize(&path).is_ok_and(|p| p == output));
            if !passed && !output {
                search(&path, output_dir, found)?;
            }
        } else if name.starts_with("test") && (name.ends_with(".yml") || name.ends_with(".yaml")) && path.is_file() {
            found.push(Found { path, named: false });
        }
    }
    Ok(())
}
