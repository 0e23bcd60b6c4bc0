//! Which files are manifests.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::files::canonical;

/// A file to be loaded.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether the user named it; a file that was searched for may have no cases.
    pub(super) named: bool,
}

/// What a search has brought.
#[derive(Debug, Default)]
pub(super) struct Discovered {
    pub(super) files: Vec<Found>,
    /// Directories that can't be searched.
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
}

impl Discovered {
    /// Adds the manifests that `path` stands for: itself, or those below it.
    pub(super) fn add(&mut self, path: &Path, output_dir: Option<&Path>) {
        if path.is_dir() {
            self.search(path, output_dir.map(canonical).as_deref());
        } else {
            self.files.push(Found { path: path.to_owned(), named: true });
        }
    }

    fn search(&mut self, dir: &Path, output_dir: Option<&Path>) {
        let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.unreadable.push((dir.to_owned(), error)),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            // The type of the entry itself: a link to a directory is not followed.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let passed = name.starts_with('.') || name == "node_modules" || name == "target";
                if !passed && output_dir != Some(canonical(&path).as_path()) {
                    self.search(&path, output_dir);
                }
            } else if name.starts_with("test")
                && (name.ends_with(".yml") || name.ends_with(".yaml"))
                // A link that leads nowhere is a manifest that can't be read.
                && (path.is_file() || !path.exists())
            {
                self.files.push(Found { path, named: false });
            }
        }
    }
}

/// The paths of the manifests that `path` stands for: itself, or those below it.
///
/// # Errors
///
/// When a directory can't be read.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut discovered = Discovered::default();
    discovered.add(path, None);
    match discovered.unreadable.into_iter().next() {
        Some((dir, error)) => Err(io::Error::new(error.kind(), format!("{}: {error}", dir.display()))),
        None => Ok(discovered.files.into_iter().map(|found| found.path).collect()),
    }
}

/// Each file once: one that is named twice, or found below a directory and named as well, is one file.
pub(super) fn unique(files: Vec<Found>) -> Vec<Found> {
    let mut seen = std::collections::HashMap::new();
    let mut unique: Vec<Found> = Vec::new();
    for file in files {
        match seen.entry(canonical(&file.path)) {
            std::collections::hash_map::Entry::Occupied(first) => {
                let first: &usize = first.get();
                unique[*first].named |= file.named;
            }
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(unique.len());
                unique.push(file);
            }
        }
    }
    unique
}
