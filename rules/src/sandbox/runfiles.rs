//! Where runfiles really are: a tree of links, to files that must be seen as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Trees with more entries than this are not followed to the last link.
const MANY: usize = 20_000;
/// Where Bazel builds, below its output base.
const BUILT: [&str; 2] = ["/execroot/", "/sandbox/"];

/// The directories that the links below `runfiles` lead to.
pub(crate) fn targets(runfiles: &Path) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    // Links lead to links, all of them within the output base; the last may lead to a source anywhere.
    if let Some(base) = output_base(runfiles) {
        found.insert(base);
    }
    let mut left = vec![runfiles.to_owned()];
    let mut seen = 0;
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MANY {
                return found.into_iter().collect();
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(kind) if kind.is_symlink() => {
                    let Ok(target) = fs::canonicalize(entry.path()) else { continue };
                    let dir = if target.is_dir() { Some(target.as_path()) } else { target.parent() };
                    found
                        .extend(dir.filter(|dir| !found.iter().any(|known| dir.starts_with(known))).map(PathBuf::from));
                }
                _ => {}
            }
        }
    }
    found.into_iter().collect()
}

fn output_base(runfiles: &Path) -> Option<PathBuf> {
    let path = runfiles.to_str()?;
    let end = BUILT.iter().filter_map(|part| path.find(part)).min()?;
    Some(PathBuf::from(&path[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_base_is_before_the_first_of_its_parts() {
        for (path, base) in [
            ("/c/ab12/execroot/_main/bazel-out/k8/bin/t.runfiles", Some("/c/ab12")),
            ("/c/ab12/sandbox/linux-sandbox/3/execroot/_main/bazel-out/k8/bin/t.runfiles", Some("/c/ab12")),
            ("/srv/t.runfiles", None),
        ] {
            assert_eq!(output_base(Path::new(path)), base.map(PathBuf::from));
        }
    }
}
