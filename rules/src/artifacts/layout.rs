//! The layout of kept logs: an OCI image layout (image-spec 1.1) with an index of our own beside it.
//!
//! `logs/{oci-layout,index.json,blobs/sha256/HEX}` is what skopeo, oras and registries read; `logs.json` tells which blob is
//! whose log; `failed/` is a view for people. `logs.json` is written first and with our mark: what lies beside it is ours.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::store::{digest, hex};
use crate::case::Exit;

/// The mark of our index.
const FORMAT: &str = "foresee-logs/1";

/// `logs.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogIndex {
    /// What this file is: `foresee-logs/1`.
    pub format: String,
    /// Every kept log.
    pub logs: Vec<LogEntry>,
}

/// One kept log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogEntry {
    /// `sha256:HEX` of its bytes.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// The suite it belongs to.
    pub suite: String,
    /// The class name of the suite's test cases.
    pub classname: String,
    /// The process's name, or the target's.
    pub process: String,
    /// `stdout`, `stderr` or `response`.
    pub stream: String,
    /// Number of lines.
    pub lines: u64,
    /// How the process ended; null when it had to be killed.
    pub exit: Option<Exit>,
    /// The attempt that it is of, from 1.
    pub attempt: u32,
    /// Where people find it, relative to the output directory.
    pub path: String,
}

pub(super) fn blobs(output: &Path) -> PathBuf {
    output.join("logs/blobs/sha256")
}

/// Marks the directory as ours, before anything is in it.
pub(super) fn mark(output: &Path) -> io::Result<()> {
    write_json(&output.join("logs.json"), &json!({"format": FORMAT, "logs": []}))
}

/// Names of ours in an output directory.
const OURS: [&str; 3] = ["logs", "failed", "logs.json"];

/// Refuses an output directory in which something that is not ours has a name of ours.
///
/// # Errors
///
/// One that names the file, and tells what to do.
pub fn check_output_dir(output: &Path) -> io::Result<()> {
    is_ours(output).map(drop)
}

/// Whether an earlier run has left something in `output`.
fn is_ours(output: &Path) -> io::Result<bool> {
    if has_mark(output) {
        return Ok(true);
    }
    let foreign = OURS.iter().map(|name| output.join(name)).find(|path| path.symlink_metadata().is_ok());
    foreign.map_or(Ok(false), |path| {
        let message =
            format!("`{}` is not of an earlier run; move it away, or choose another --output-dir", path.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    })
}

/// Whether `logs.json` is of a foresee, be it of another version.
fn has_mark(output: &Path) -> bool {
    let index: Option<Value> =
        fs::read(output.join("logs.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let format = index.as_ref().and_then(|index| index["format"].as_str());
    format.is_some_and(|format| format.starts_with("foresee-logs/"))
}

/// Removes what an earlier run left in `output`.
pub(super) fn remove_earlier(output: &Path) -> io::Result<()> {
    if !is_ours(output)? {
        return Ok(());
    }
    for path in OURS.map(|name| output.join(name)) {
        let removed = match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(_) => Ok(()),
        };
        removed.map_err(|error| io::Error::new(error.kind(), format!("can't remove `{}`: {error}", path.display())))?;
    }
    Ok(())
}

/// Writes the indices of all kept logs.
pub(crate) fn write_indices(output: &Path, logs: Vec<LogEntry>) -> io::Result<()> {
    let mut layers: Vec<Value> = Vec::new();
    let mut diff_ids = Vec::new();
    let mut seen = HashSet::new();
    for log in logs.iter().filter(|log| seen.insert(&log.digest)) {
        diff_ids.push(log.digest.clone());
        layers.push(json!({
            "mediaType": "text/plain",
            "digest": log.digest,
            "size": log.size,
            "annotations": {"org.opencontainers.image.title": log.path},
        }));
    }
    // An image configuration, though nobody runs this: readers that know only images want one.
    let config = json!({
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = write_blob(output, &config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.foresee.logs.v1",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": layers,
    });
    let manifest = write_blob(output, &manifest)?;
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "run"});
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    });
    write_json(&output.join("logs/index.json"), &index)?;
    write_json(&output.join("logs/oci-layout"), &json!({"imageLayoutVersion": "1.0.0"}))?;
    write_json(&output.join("logs.json"), &json!(LogIndex { format: FORMAT.into(), logs }))
}

fn descriptor(media_type: &str, (digest, size): &(String, usize)) -> Value {
    json!({"mediaType": media_type, "digest": digest, "size": size})
}

fn write_blob(output: &Path, value: &Value) -> io::Result<(String, usize)> {
    let bytes = serde_json::to_vec(value)?;
    let digest = hex(&Sha256::digest(&bytes));
    write_whole(&blobs(output).join(&digest), |to| to.write_all(&bytes))?;
    Ok((format!("sha256:{digest}"), bytes.len()))
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    write_whole(path, |to| to.write_all(&bytes))
}

/// Writes a file whole or not at all: to a temporary name beside it, then renamed.
///
/// # Errors
///
/// When the directory can't be made, or the file not written.
pub fn write_whole(path: &Path, content: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut making = path.as_os_str().to_owned();
    making.push(format!(".{}.new", std::process::id()));
    let making = PathBuf::from(making);
    let written = fs::File::create(&making)
        .and_then(|file| {
            let mut file = io::BufWriter::new(file);
            content(&mut file)?;
            io::Write::flush(&mut file)
        })
        .and_then(|()| fs::rename(&making, path));
    if written.is_err() {
        let _ = fs::remove_file(&making);
    }
    written
}

/// Reads `logs.json` of an output directory.
///
/// # Errors
///
/// `NotFound` when there is none, another when it can't be read or is not ours.
pub fn read_index(output: &Path) -> io::Result<LogIndex> {
    let path = output.join("logs.json");
    let index: LogIndex = serde_json::from_slice(&fs::read(&path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("`{}`: {error}", path.display())))?;
    if index.format != FORMAT {
        return Err(io::Error::other(format!("`{}` is of another format: {}", path.display(), index.format)));
    }
    Ok(index)
}

/// Hashes every blob of an output directory again. Returns what is wrong: missing, altered or unreadable blobs.
///
/// # Errors
///
/// When the index or the directory of blobs can't be read.
pub fn verify(output: &Path) -> io::Result<(usize, Vec<String>)> {
    let index = read_index(output)?;
    let dir = blobs(output);
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        count += 1;
        match fs::File::open(dir.join(&name)).and_then(|mut file| digest(&mut file)) {
            Ok((digest, ..)) if digest == name => {}
            Ok((digest, ..)) => wrong.push(format!("{name}: altered, its bytes have the digest {digest}")),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    let missing = |digest: &str| !dir.join(hex_part(digest)).is_file();
    for log in index.logs.iter().filter(|log| missing(&log.digest)) {
        wrong.push(format!("{}: missing, {}", hex_part(&log.digest), log.path));
    }
    let described = oci_blobs(output)?;
    wrong.extend(described.iter().filter(|d| missing(d)).map(|d| format!("{}: missing, of index.json", hex_part(d))));
    wrong.sort();
    Ok((count, wrong))
}

/// The digests of the manifests that `index.json` names, and of their configurations.
fn oci_blobs(output: &Path) -> io::Result<Vec<String>> {
    let index: Value = serde_json::from_slice(&fs::read(output.join("logs/index.json"))?)?;
    let mut digests = Vec::new();
    for digest in index["manifests"].as_array().into_iter().flatten().filter_map(|entry| entry["digest"].as_str()) {
        digests.push(digest.to_owned());
        let Ok(manifest) = fs::read(blobs(output).join(hex_part(digest))) else { continue };
        let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
        digests.extend(manifest["config"]["digest"].as_str().map(str::to_owned));
    }
    Ok(digests)
}

/// What follows `sha256:`; the name of the blob.
fn hex_part(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// Removes blobs that no index speaks of, and index entries whose log is neither in `failed/` nor elsewhere.
///
/// Logs that people removed from the view are removed from the store: the view says what is wanted.
///
/// # Errors
///
/// When the index can't be read or written, or a blob can't be removed.
pub fn gc(output: &Path) -> io::Result<(usize, u64)> {
    let index = read_index(output)?;
    let wanted: Vec<LogEntry> = index.logs.into_iter().filter(|log| output.join(&log.path).exists()).collect();
    write_indices(output, wanted.clone())?;
    let digests = wanted.into_iter().map(|log| log.digest).chain(oci_blobs(output)?);
    let keep: HashSet<String> = digests.map(|digest| hex_part(&digest).to_owned()).collect();
    let (mut count, mut bytes) = (0, 0);
    for entry in fs::read_dir(blobs(output))? {
        let entry = entry?;
        if !keep.contains(entry.file_name().to_string_lossy().as_ref()) {
            bytes += entry.metadata()?.len();
            count += 1;
            fs::remove_file(entry.path())?;
        }
    }
    Ok((count, bytes))
}
