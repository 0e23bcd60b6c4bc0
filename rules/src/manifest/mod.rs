//! From files to checked cases.
//!
//! The way of a file: `discover` finds it, `loader` reads it and what it includes, `yaml` makes `node`s of its text, `raw`,
//! `step` and `process` read those into what was written, `resolve`, `names`, `scope` and `steps` make of that what is
//! meant. Nothing after this module sees YAML; what is wrong is reported here, all of it at once, with places.

mod app;
mod ask;
mod constraint;
mod discover;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod equivalence;
mod expansion;
mod files;
mod lint;
mod loader;
mod names;
mod node;
mod process;
mod raw;
mod reader;
mod resolve;
mod schema;
mod scope;
mod step;
mod steps;
mod substitute;
mod target;
mod vocabulary;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use discover::files;
pub use schema::json_schema;

use self::discover::{Discovered, unique};
use self::loader::Loader;
use crate::case::Case;
use crate::diagnostic::Diagnostic;
use crate::source::Sources;

/// What of the caller a manifest can speak of.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The working directory; paths in reports are relative to it.
    pub cwd: PathBuf,
    /// The environment, for `inherit_env`.
    pub env: BTreeMap<String, String>,
    /// Where runfiles are, when there are any.
    pub runfiles: Option<PathBuf>,
    /// The output directory, which is not searched for manifests.
    pub output_dir: Option<PathBuf>,
}

/// Everything that was found under some paths.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The texts, for messages.
    pub sources: Sources,
    /// The cases of files without errors, in order.
    pub cases: Vec<Case>,
    /// The files with errors.
    pub broken: Vec<Broken>,
    /// Lints of the files without errors.
    pub lints: Vec<Diagnostic>,
    /// Files that were searched for and have no cases, by their shown path.
    pub without_cases: Vec<String>,
}

/// A file that can't be run.
#[derive(Debug)]
pub struct Broken {
    /// FILE of the contract's section 8.
    pub file: String,
    /// Its path, for the report.
    pub path: String,
    /// Its class name in the report.
    pub classname: String,
    /// What is wrong with it; at least one error.
    pub problems: Vec<Diagnostic>,
}

/// Loads all manifests that `paths` name or hold. It never fails as a whole: what is wrong is in [`Loaded::broken`].
#[must_use]
pub fn load(paths: &[PathBuf], caller: &Caller) -> Loaded {
    let mut loader = Loader::new(caller);
    let mut discovered = Discovered::default();
    for path in paths {
        discovered.add(&caller.cwd.join(path), caller.output_dir.as_deref());
    }
    for (dir, error) in &discovered.unreadable {
        loader.unreadable(dir, "directory", error);
    }
    loader.load_roots(&unique(discovered.files));
    loader.loaded
}

/// Loads `text` as if it stood in the file `path`, which need not exist; relative paths in it are looked up from there.
#[must_use]
pub fn load_text(path: &Path, text: String, caller: &Caller) -> Loaded {
    let mut loader = Loader::new(caller);
    loader.load_text(&caller.cwd.join(path), text);
    loader.loaded
}
