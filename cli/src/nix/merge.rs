//! One report of several.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde::Deserialize;

use super::attributes::Attributes;
use super::{Failure, about, junit};
use crate::exit::HELD;

/// What `nix/lib/mkReport.nix` says.
#[derive(Debug, Deserialize)]
pub(super) struct Merge {
    /// The reports, by the names of their checks.
    reports: BTreeMap<String, PathBuf>,
}

/// Writes one JUnit file with all suites, and links to the reports.
pub(super) fn build(attributes: &Attributes<Merge>) -> Result<u8, Failure> {
    let out = attributes.out();
    let checks = out.join("checks");
    let support = out.join("nix-support");
    for dir in [&checks, &support] {
        fs::create_dir_all(dir).map_err(about("make the directory", dir))?;
    }
    let mut texts = Vec::new();
    for (name, report) in &attributes.foresee.reports {
        let file = report.join("junit.xml");
        let text = fs::read_to_string(&file).map_err(about("read", &file))?;
        // Attachments are named relative to the report that they are in.
        let text = text.replace("[[ATTACHMENT|", &format!("[[ATTACHMENT|checks/{name}/"));
        let text = junit::tell(&text, "nix-check", name).map_err(about("read", &file))?;
        texts.push((file, text));
        let link = checks.join(name);
        symlink(report, &link).map_err(about("link", &link))?;
    }
    let parts = texts
        .iter()
        .map(|(file, text)| junit::part(text).map_err(about("read", file)))
        .collect::<Result<Vec<_>, _>>()?;
    let merged = junit::merge(&parts);
    let counts = junit::counts(&merged).map_err(about("read", out))?;
    let file = out.join("junit.xml");
    fs::write(&file, merged).map_err(about("write", &file))?;
    let products = support.join("hydra-build-products");
    fs::write(&products, format!("file junit {}\n", file.display())).map_err(about("write", &products))?;
    println!("foresee: {counts}, of {} checks", parts.len());
    Ok(HELD)
}
