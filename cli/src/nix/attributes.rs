//! The attributes of the derivation that is being built: structured attributes, which Nix leaves as a file of JSON.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Failure, about};
use crate::environment::Environment;

/// What of a derivation's attributes matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Attributes<T> {
    outputs: Outputs,
    /// What `nix/lib` has to say.
    pub(super) foresee: T,
    /// Seconds since 1970; what the report gives as its time when the derivation has it.
    #[serde(rename = "SOURCE_DATE_EPOCH")]
    pub(super) source_date_epoch: Option<serde_json::Number>,
}

#[derive(Debug, Deserialize)]
struct Outputs {
    out: PathBuf,
}

impl<T> Attributes<T> {
    /// The path to be built.
    pub(super) fn out(&self) -> &PathBuf {
        &self.outputs.out
    }
}

/// Reads the attributes.
///
/// # Errors
///
/// When this is no build, or one of other attributes.
pub(super) fn read<T: DeserializeOwned>(environment: &Environment) -> Result<Attributes<T>, Failure> {
    let path = find(environment).ok_or_else(|| {
        Failure::usage(
            "there is no .attrs.json: `foresee nix` is what Nix calls to build the derivations of foresee's library; \
             to run tests, use `foresee run`",
        )
    })?;
    let text = fs::read_to_string(&path).map_err(about("read", &path))?;
    serde_json::from_str(&text).map_err(about("use the attributes in", &path))
}

/// The file of the attributes. Nix before 2.18 gives its path outside of the sandbox, where the build can't see it.
fn find(environment: &Environment) -> Option<PathBuf> {
    let in_build = environment.path("NIX_BUILD_TOP").map(|top| top.join(".attrs.json"));
    environment.path("NIX_ATTRS_JSON_FILE").into_iter().chain(in_build).find(|path| path.is_file())
}
