//! Files as manifests: reading their text, and what they are called.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use super::Caller;
use super::resolve::FileName;
use super::yaml::MAX_FILE;
use crate::diagnostic::Diagnostic;
use crate::sandbox::real_path;
use crate::source::Span;

/// The path without links, where it can be told.
pub(super) fn canonical(path: &Path) -> PathBuf {
    real_path(path).unwrap_or_else(|_| path.to_owned())
}

/// The path for people and reports: relative to the working directory; the base name when it lies elsewhere.
pub(super) fn shown(path: &Path, caller: &Caller) -> String {
    let path = without_detours(path);
    // What is named through a link (runfiles are links) lies where the link lies.
    let inside = path
        .strip_prefix(&caller.cwd)
        .ok()
        .map(Path::to_owned)
        .or_else(|| canonical(&path).strip_prefix(canonical(&caller.cwd)).ok().map(Path::to_owned));
    let shown: PathBuf = inside.unwrap_or_else(|| path.file_name().map_or_else(|| path.clone(), PathBuf::from));
    without_store_hash(&shown.to_string_lossy()).to_owned()
}

/// The path without `.` and `..`.
fn without_detours(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}

/// `x.yml` for `0c1nmh…-x.yml`: the 32 characters that Nix puts before a name in its store vary with the content.
fn without_store_hash(shown: &str) -> &str {
    let base = |c: u8| b"0123456789abcdfghijklmnpqrsvwxyz".contains(&c);
    match shown.as_bytes() {
        bytes if bytes.len() > 33 && bytes[32] == b'-' && bytes[..32].iter().all(|c| base(*c)) => &shown[33..],
        _ => shown,
    }
}

/// How the file that is shown as `shown` is called in reports, when its setting `name` is this.
pub(super) fn file_name(shown: &str, name: Option<&str>) -> FileName {
    let file = name.unwrap_or(shown);
    let stem = [".yml", ".yaml", ".json"].iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file);
    // `bazel test` finds a manifest by its program's name (contract, section 7): `.foresee` belongs to the ending.
    let stem = stem.strip_suffix(".foresee").unwrap_or(stem);
    let class = stem.split('/').filter(|part| !part.is_empty()).map(|part| part.replace('.', "_"));
    FileName { file: file.to_owned(), path: shown.to_owned(), class: class.collect::<Vec<_>>().join(".") }
}

/// The text of a file.
pub(super) struct Text {
    /// Without a byte order mark.
    pub(super) text: String,
    /// Where it stops being UTF-8; the text has replacement characters from there on.
    pub(super) not_utf8: Option<usize>,
}

/// Reads a manifest.
///
/// # Errors
///
/// Those of the file system, and when it is too large.
pub(super) fn read_text(path: &Path) -> io::Result<Text> {
    let file = fs::File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    // Pipes and devices have no size to look at beforehand.
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(MAX_FILE)).unwrap_or(0) + 1);
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let not_utf8 = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
    Ok(Text { text: String::from_utf8_lossy(bytes).into_owned(), not_utf8 })
}

/// Why the manifest or directory at `span` can't be read.
pub(super) fn unreadable(span: Span, what: &str, error: &io::Error) -> Diagnostic {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is not a directory".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::error(span, format!("can't read the {what}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_have_no_endings_and_no_stray_dots() {
        let class = |shown: &str| file_name(shown, None).class;
        assert_eq!(class("a.b/c/test_x.yml"), "a_b.c.test_x");
        assert_eq!(class("x_test.foresee.json"), "x_test");
        assert_eq!(file_name("a.yml", Some("//pkg:t")).class, "pkg:t");
        assert_eq!(without_store_hash("0c1nmhx9avx8blxbvgnyabcdfghijklm-test.yml"), "test.yml");
        assert_eq!(without_store_hash("test.yml"), "test.yml");
    }

    #[test]
    fn shown_paths_are_relative_or_base_names() {
        let caller = Caller { cwd: "/nowhere/here".into(), ..Caller::default() };
        for (path, want) in [
            ("/nowhere/here/./a/test.yml", "a/test.yml"),
            ("/nowhere/here/b/../a/test.yml", "a/test.yml"),
            ("/nowhere/here/../a/test.yml", "test.yml"),
            ("/else/test.yml", "test.yml"),
        ] {
            assert_eq!(shown(Path::new(path), &caller), want, "{path}");
        }
    }
}
