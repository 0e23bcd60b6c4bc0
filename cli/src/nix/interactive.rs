//! The tests for people: their manifest, and a program that runs them outside of the sandbox.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;

use serde::Deserialize;

use super::attributes::Attributes;
use super::tests::Tests;
use super::{Failure, about};
use crate::exit::HELD;

/// What `nix/lib/private/check.nix` says of the tests.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
    tests: Tests,
}

/// Writes the manifest and the files it refers to, or a link to where they are.
pub(super) fn build_manifest(attributes: &Attributes<Named>) -> Result<u8, Failure> {
    let out = attributes.out();
    let Named { name, tests } = &attributes.foresee;
    if let Tests::Stored { source, .. } = tests {
        symlink(source, out).map_err(about("link", out))?;
    } else {
        tests.lay_out(out, &format!("{name}.json"))?;
    }
    Ok(HELD)
}

/// Writes a program that runs the tests: foresee under another name, with the manifest beside it.
pub(super) fn build(attributes: &Attributes<Named>) -> Result<u8, Failure> {
    let Named { name, tests } = &attributes.foresee;
    let bin = attributes.out().join("bin");
    let manifest = format!("{name}.foresee.json");
    fs::create_dir_all(&bin).map_err(about("make the directory", &bin))?;
    match tests {
        Tests::Written { .. } => {
            tests.lay_out(&bin, &manifest)?;
        }
        Tests::Stored { source, env } => {
            let including = serde_json::json!({ "env": env, "include": super::tests::manifests_of(source)? });
            let file = bin.join(manifest);
            fs::write(&file, format!("{including:#}\n")).map_err(about("write", &file))?;
        }
    }
    let this = env::current_exe().map_err(|error| Failure::machine(format!("can't find foresee itself: {error}")))?;
    let program = bin.join(name);
    symlink(&this, &program).map_err(about("link", &program))?;
    Ok(HELD)
}
