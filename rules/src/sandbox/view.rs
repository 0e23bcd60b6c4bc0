//! What a case sees of the host's file system.
//!
//! The plan is a map from paths to what is to be there. It is carried out parents first, so that a directory can be hidden
//! and a part of it shown again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::mount::{NO_DEV, NO_SUID, READ_ONLY, Tmpfs, attach, copy_tree, make_read_only, restrict};
use super::runfiles;
use super::{Place, real_path};
use crate::case::{Case, Stdin, Text, View};

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sight {
    /// Made already, and empty of what the host has there: `/dev` and `/proc`.
    Made,
    /// An empty directory, but for what is shown in it.
    Hidden,
    /// An empty directory that programs can write to, as `/tmp`.
    Private,
    /// This path of the host, read-only.
    Shown(PathBuf),
    /// This path of the host, writable: the case's own directory.
    Own(PathBuf),
}

/// What to make of the host's file system.
#[derive(Debug)]
pub(super) struct Plan {
    view: View,
    sights: BTreeMap<PathBuf, Sight>,
}

/// Directories in which anyone may write, and people keep things.
const PRIVATE: [&str; 2] = ["/tmp", "/var/tmp"];
/// Directories with other people's files, and with sockets of the host's services, which a read-only mount does not close.
const HIDDEN: [&str; 3] = ["/home", "/root", "/run"];
/// What executables need, where everything else is hidden.
const SYSTEM: [&str; 10] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/run/current-system", "/sys"];
/// Of `/etc`, what the C library and the dynamic loader read.
const SYSTEM_ETC: [&str; 16] = [
    "alternatives",
    "ca-certificates",
    "group",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "pki",
    "protocols",
    "services",
    "ssl",
    "terminfo",
];
/// More entries of a home directory than this are not shown one by one.
const MANY: usize = 500;

/// What the plan is made from.
#[derive(Debug)]
pub(super) struct Wishes<'a> {
    pub(super) case: &'a Case,
    pub(super) place: &'a Place,
    /// PATH of the case.
    pub(super) path: &'a str,
    /// The caller's home directory.
    pub(super) home: Option<&'a Path>,
}

impl Plan {
    /// Decides what is seen.
    pub(super) fn new(wishes: &Wishes<'_>) -> Self {
        let Wishes { case, place, .. } = wishes;
        let mut plan = Self { view: case.sandbox.view, sights: BTreeMap::new() };
        let mut hide = |path: &Path, sight| {
            if let Some(path) = real(path).filter(|path| path.parent().is_some() && path.is_dir()) {
                plan.sights.entry(path).or_insert(sight);
            }
        };
        hide(Path::new("/dev"), Sight::Made);
        hide(Path::new("/proc"), Sight::Made);
        PRIVATE.iter().for_each(|dir| hide(Path::new(dir), Sight::Private));
        HIDDEN.iter().map(Path::new).chain(wishes.home).for_each(|dir| hide(dir, Sight::Hidden));
        // The directories of the other cases.
        place.root.parent().into_iter().for_each(|dir| hide(dir, Sight::Hidden));
        for path in wishes.needed() {
            plan.show(&path);
        }
        for path in case.runfiles.iter().flat_map(|dir| runfiles::needed(dir)) {
            // Also where a directory on the way is a link itself: by that name it is looked for.
            if let Some(target) = real(&path) {
                plan.show_as(&path, &target);
            }
        }
        if plan.view == View::Declared {
            let etc = Path::new("/etc");
            SYSTEM.iter().map(PathBuf::from).chain(SYSTEM_ETC.map(|name| etc.join(name))).for_each(|p| plan.show(&p));
        }
        plan.sights.insert(place.root.clone(), Sight::Own(place.root.clone()));
        plan
    }

    /// Has `path` shown, by the name given and by its real one.
    fn show(&mut self, path: &Path) {
        let Some(target) = real(path).filter(|target| target.parent().is_some()) else { return };
        match self.sights.get(&target) {
            // What is needed is a hidden directory itself, as when the manifest lies in the home directory: its files and
            // directories are shown, but not those that begin with a dot, where secrets are.
            Some(Sight::Hidden | Sight::Private) => {
                let entries = fs::read_dir(&target).into_iter().flatten().flatten().take(MANY);
                let entries: Vec<_> =
                    entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")).collect();
                entries.iter().for_each(|entry| self.show_as(&entry.path(), &entry.path()));
            }
            _ => self.show_as(&target, &target),
        }
        if path != target && path.parent().and_then(real).is_some_and(|parent| Some(&*parent) == path.parent()) {
            self.show_as(path, &target);
        }
    }

    fn show_as(&mut self, at: &Path, target: &Path) {
        self.sights.entry(at.to_owned()).or_insert_with(|| Sight::Shown(target.to_owned()));
    }

    /// Whether what is at `path` is seen without further ado: the nearest sight above it decides.
    fn is_visible(&self, path: &Path) -> bool {
        let above = path.ancestors().skip(1).find_map(|above| self.sights.get(above));
        above.map_or(self.view == View::Host, |sight| matches!(sight, Sight::Shown(_) | Sight::Own(_)))
    }

    /// Carries the plan out below the working directory, which is to become the root. What is shown is looked up from the
    /// root as it still is. What is to be empty comes from `empty`.
    pub(super) fn carry_out(&self, empty: &mut Tmpfs) -> io::Result<()> {
        let mut hidden = Vec::new();
        for (path, sight) in &self.sights {
            let relative = below_root(path);
            let visible = self.is_visible(path);
            match sight {
                Sight::Made => {}
                Sight::Hidden | Sight::Private => {
                    let private = *sight == Sight::Private;
                    if !visible {
                        if !private {
                            continue;
                        }
                        make_dir(relative)?;
                    }
                    if visible || private {
                        attach(&empty.directory(if private { 0o1777 } else { 0o755 })?, relative)?;
                    }
                    if visible && !private {
                        hidden.push(relative);
                    }
                }
                Sight::Shown(_) if visible => {}
                Sight::Shown(source) => {
                    // What has vanished since, or can't be looked at, is not there.
                    let Ok(tree) = copy_tree(source) else { continue };
                    restrict(&tree, READ_ONLY | NO_SUID | NO_DEV)?;
                    make_mount_point(relative, source.is_dir())?;
                    attach(&tree, relative)?;
                }
                Sight::Own(_) if visible => {}
                Sight::Own(_) => make_dir(relative)?,
            }
        }
        hidden.into_iter().try_for_each(make_read_only)
    }
}

impl Wishes<'_> {
    /// The paths without which the case can't work.
    fn needed(&self) -> BTreeSet<PathBuf> {
        let mut needed: BTreeSet<PathBuf> = self.case.runfiles.iter().cloned().collect();
        for entry in self.path.split(':').map(Path::new).filter(|entry| entry.is_absolute()) {
            needed.insert(entry.to_owned());
            needed.extend(installation(entry, self.home.unwrap_or(Path::new("/root"))));
        }
        for process in &self.case.processes {
            needed.extend(process.roots.iter().cloned());
            if let Some(program) = process.argv.first().and_then(Text::as_literal).filter(|name| name.contains('/')) {
                needed.extend(process.roots.iter().map(|root| root.join(program)).flat_map(|path| around(&path)));
            }
            if let Stdin::File(path) = &process.stdin {
                needed.insert(path.clone());
            }
        }
        needed
    }
}

/// What the programs in a directory of PATH need beside it: `X/bin` is a part of the installation `X`.
fn installation(bin: &Path, home: &Path) -> Option<PathBuf> {
    let prefix = bin.parent()?;
    let is_bin = ["bin", "sbin", "shims"].iter().any(|name| bin.ends_with(name));
    // These hold credentials and other people's data as well; only what is a library is shown.
    if [".local", ".cargo"].iter().any(|name| prefix.ends_with(name)) {
        return Some(prefix.join("lib"));
    }
    let is_home = prefix == home || prefix == Path::new("/root") || prefix.parent() == Some(Path::new("/home"));
    (is_bin && !is_home && prefix.components().count() > 2).then(|| prefix.to_owned())
}

/// A program and what lies beside it.
fn around(program: &Path) -> Vec<PathBuf> {
    let is_shared = |dir: &Path| PRIVATE.iter().chain(&HIDDEN).any(|shared| dir == Path::new(shared));
    [Some(program.to_owned()), real(program)]
        .into_iter()
        .flatten()
        .filter(|path| path.exists())
        .map(|path| match path.parent() {
            Some(dir) if !is_shared(dir) => dir.to_owned(),
            _ => path,
        })
        .collect()
}

fn real(path: &Path) -> Option<PathBuf> {
    real_path(path).ok()
}

/// The path relative to the new root.
pub(super) fn below_root(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Something to mount on: a directory or an empty file, as what will be there.
fn make_mount_point(path: &Path, is_dir: bool) -> io::Result<()> {
    if is_dir {
        return make_dir(path);
    }
    path.parent().map_or(Ok(()), make_dir)?;
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    File::create(path)?.set_permissions(fs::Permissions::from_mode(0o444))
}
