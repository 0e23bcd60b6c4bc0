//! The tests of a derivation, laid out as files that `foresee run` takes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Failure, about};

/// What is to be run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tests {
    /// A manifest that was written in Nix.
    Written {
        /// The manifest.
        manifest: Map<String, Value>,
        /// Files beside it, by their relative path.
        inputs: BTreeMap<PathBuf, PathBuf>,
    },
    /// A manifest in the store, or a directory of them.
    Stored {
        /// Where it is.
        source: PathBuf,
        /// The environment that it finds.
        env: BTreeMap<String, String>,
    },
}

/// How to run the tests.
#[derive(Debug)]
pub(super) struct Layout {
    /// The working directory, which names in the report are relative to.
    pub(super) dir: PathBuf,
    /// What to run there.
    pub(super) path: PathBuf,
    /// With these in the environment.
    pub(super) env: BTreeMap<String, String>,
}

impl Tests {
    /// Writes what has to be written into `dir`; the manifest bears `file_name`.
    pub(super) fn lay_out(&self, dir: &Path, file_name: &str) -> Result<Layout, Failure> {
        fs::create_dir_all(dir).map_err(about("make the directory", dir))?;
        match self {
            Self::Written { manifest, inputs } => {
                let path = PathBuf::from(file_name);
                write(manifest, inputs, dir, &path)?;
                Ok(Layout { dir: dir.to_owned(), path, env: BTreeMap::new() })
            }
            Self::Stored { source, env } => {
                let (dir, path) = match source.is_dir() {
                    true => (source.clone(), PathBuf::from(".")),
                    false => (dir.to_owned(), source.clone()),
                };
                Ok(Layout { dir, path, env: env.clone() })
            }
        }
    }
}

fn write(
    manifest: &Map<String, Value>,
    inputs: &BTreeMap<PathBuf, PathBuf>,
    dir: &Path,
    file_name: &Path,
) -> Result<(), Failure> {
    let path = dir.join(file_name);
    let text = serde_json::to_string_pretty(manifest).map_err(about("write", &path))?;
    fs::write(&path, text + "\n").map_err(about("write", &path))?;
    for (relative, target) in inputs {
        if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err(Failure::usage(format!(
                "the input `{}` is not a path below the work directory; write it without `/` in front and without `..`",
                relative.display()
            )));
        }
        let link = dir.join(relative);
        if let Some(parent) = link.parent() {
            fs::create_dir_all(parent).map_err(about("make the directory", parent))?;
        }
        symlink(target, &link).map_err(about("link", &link))?;
    }
    Ok(())
}

/// The manifests that a source stands for.
pub(super) fn manifests_of(source: &Path) -> Result<Vec<PathBuf>, Failure> {
    foresee_rules::manifest::files(source).map_err(about("search", source))
}
