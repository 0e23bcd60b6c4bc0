//! What Bazel's runfiles lead to: they are links, to files anywhere on the machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::real_path;

/// More paths than this are not shown one by one, but by the directories that they are in.
const MANY: usize = 512;
/// A link may lead to a link; the kernel follows no more than this.
const HOPS: usize = 40;

/// The runfiles directory, by the name given, and the paths that the links below it lead to, with those on the way: a
/// link to a link is of no use where the second is not seen.
pub(super) fn needed(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut pending = vec![root.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => follow(&entry.path(), &mut found),
                Ok(kind) if kind.is_dir() => pending.push(entry.path()),
                _ => {}
            }
        }
    }
    let mut needed = summed_up(found, MANY);
    // `bazel-bin` is a link.
    needed.insert(root.to_owned());
    needed
}

fn follow(link: &Path, found: &mut BTreeSet<PathBuf>) {
    let Ok(target) = real_path(link) else { return };
    let mut at = link.to_owned();
    for _ in 0..HOPS {
        let (Ok(text), Some(parent)) = (fs::read_link(&at), at.parent()) else { break };
        at = without_dots(&parent.join(text));
        found.insert(at.clone());
    }
    found.insert(target);
}

/// The path without `.` and `..`, taken as text: that is how it has to be made again.
fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut done, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(done.pop()),
            _ => done.push(component),
        }
        done
    })
}

/// At most `limit` paths: the same, or directories that hold them all. The deepest are summed up first.
fn summed_up(mut paths: BTreeSet<PathBuf>, limit: usize) -> BTreeSet<PathBuf> {
    while paths.len() > limit {
        let depth = |path: &PathBuf| path.components().count();
        let Some(deepest) = paths.iter().map(depth).max().filter(|deepest| *deepest > 2) else { break };
        let up = |path: PathBuf| match path.parent() {
            Some(parent) if depth(&path) == deepest => parent.to_owned(),
            _ => path,
        };
        paths = paths.into_iter().map(up).collect();
    }
    paths
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_the_end_and_the_way_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().canonicalize().unwrap().join(name);
        for name in ["runfiles/_main/sub", "execroot", "source"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("source/data"), "").unwrap();
        fs::write(at("runfiles/_main/plain"), "").unwrap();
        // As Bazel has it: a link to the execroot, where a directory is a link to the source tree.
        symlink(at("source"), at("execroot/pkg")).unwrap();
        symlink(at("execroot/pkg/data"), at("runfiles/_main/data")).unwrap();
        symlink("../data", at("runfiles/_main/sub/again")).unwrap();
        symlink("nowhere", at("runfiles/_main/broken")).unwrap();
        let expected = ["execroot/pkg/data", "runfiles", "runfiles/_main/data", "source/data"].map(at);
        assert_eq!(needed(&at("runfiles")), BTreeSet::from(expected));
    }

    #[test]
    fn many_paths_are_shown_by_their_directories() {
        let paths = ["/a/b/c/1", "/a/b/c/2", "/a/d/3", "/e/4"].map(PathBuf::from);
        assert_eq!(summed_up(BTreeSet::from(paths.clone()), 4), BTreeSet::from(paths.clone()));
        let three = ["/a/b/c", "/a/d/3", "/e/4"].map(PathBuf::from);
        assert_eq!(summed_up(BTreeSet::from(paths.clone()), 3), BTreeSet::from(three));
        let two = ["/a", "/e"].map(PathBuf::from);
        assert_eq!(summed_up(BTreeSet::from(paths), 1), BTreeSet::from(two));
    }
}
