//! From files to checked cases.
//!
//! The way of a file: `discover` finds it, `yaml` reads it into `node`s, `raw`, `step` and `process` read those into what
//! was written, `resolve`, `names`, `scope` and `steps` make of that what is meant. Nothing after this module sees YAML;
//! what is wrong is reported here, all of it at once, with places.

mod app;
mod constraint;
mod discover;
mod lint;
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
mod target;
mod vocabulary;
mod yaml;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::{fs, io};

pub use discover::files;
pub use schema::json_schema;

use self::discover::{Found, discover};
use self::raw::{RawManifest, Settings, read_manifest};
use self::reader::Problems;
use self::resolve::{FileName, Surroundings, resolve_case};
use crate::case::Case;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Source, Sources, Span};

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
    let mut loader = Loader { caller, loaded: Loaded::default(), included: HashMap::new(), classes: HashMap::new() };
    let mut roots = Vec::new();
    for path in paths {
        match discover(&caller.cwd.join(path), caller.output_dir.as_deref()) {
            Ok(found) => roots.extend(found),
            Err(error) => loader.unreadable(&caller.cwd.join(path), &error),
        }
    }
    // A file named twice, or found below a directory and named as well, is one file.
    let mut seen = HashMap::new();
    roots.retain(|found| seen.insert(canonical(&found.path), ()).is_none());
    loader.load_roots(&roots);
    loader.loaded
}

struct Loader<'c> {
    caller: &'c Caller,
    loaded: Loaded,
    /// Files that some `include` brought in.
    included: HashMap<PathBuf, ()>,
    /// Where each class name comes from.
    classes: HashMap<String, Span>,
}

/// A file that was read, with the files that it includes.
struct File {
    source: u32,
    name: FileName,
    named: bool,
    problems: Problems,
    raw: RawManifest,
    includes: Vec<File>,
}

impl Loader<'_> {
    fn load_roots(&mut self, roots: &[Found]) {
        let files: Vec<_> = roots
            .iter()
            .map(|found| (canonical(&found.path), self.read(&found.path, found.named, &mut Vec::new())))
            .collect();
        for (path, file) in files {
            if !self.included.contains_key(&path) {
                self.resolve(file, &[]);
            }
        }
    }

    /// Reads a file and all that it includes. `open` are the files that are being read, to find cycles.
    fn read(&mut self, path: &Path, named: bool, open: &mut Vec<PathBuf>) -> File {
        let text = read_text(path);
        let shown = self.shown(path);
        let (text, error) = match text {
            Ok(text) => (text, None),
            Err(error) => (String::new(), Some(error)),
        };
        let source = self.loaded.sources.add(Source::new(shown.clone(), path.to_owned(), text));
        let start = Span { file: source, start: 0, end: 0 };
        let problems = Problems::default();
        let mut raw = RawManifest::default();
        match error {
            Some(error) => problems.add(unreadable(start, &error)),
            None => match yaml::parse(source, &self.loaded.sources.get(source).text) {
                Ok(root) => raw = read_manifest(&root, &problems),
                Err(found) => found.into_iter().for_each(|problem| problems.add(problem)),
            },
        }
        let name = file_name(&shown, raw.name.as_ref().map(|(name, _)| name.as_str()));
        open.push(canonical(path));
        let mut includes = Vec::new();
        for (include, span) in &raw.include {
            let target = path.parent().unwrap_or(Path::new("")).join(include);
            let target = match (target.exists(), &self.caller.runfiles) {
                (false, Some(runfiles)) if runfiles.join(include).exists() => runfiles.join(include),
                _ => target,
            };
            if !target.is_file() {
                problems.add(
                    Diagnostic::error(*span, format!("there is no file `{include}`"))
                        .help("`include` takes paths relative to this manifest"),
                );
            } else if open.contains(&canonical(&target)) {
                problems.add(
                    Diagnostic::error(*span, format!("`{include}` includes this file, directly or not"))
                        .help("a cycle of includes has no end; remove one of them"),
                );
            } else {
                self.included.insert(canonical(&target), ());
                includes.push(self.read(&target, true, open));
            }
        }
        open.pop();
        File { source, name, named, problems, raw, includes }
    }

    /// Resolves the cases of a file below the settings of the files that include it.
    fn resolve(&mut self, file: File, outer: &[&Settings]) {
        let File { source, name, named, problems, raw, includes } = file;
        let settings: Vec<_> = outer.iter().copied().chain([&raw.settings]).collect();
        let around = Surroundings {
            file: &name,
            outer: settings.clone(),
            caller: self.caller,
            sources: &self.loaded.sources,
            problems: &problems,
        };
        let mut cases = Vec::new();
        for raw in &raw.cases {
            let case = resolve_case(raw, &around);
            for lint in lint::lint(raw, &case, &self.loaded.sources) {
                problems.add(lint);
            }
            cases.push(case);
        }
        for case in &cases {
            let class = case.classname.clone();
            if let Some(first) = self.classes.insert(class.clone(), case.span) {
                let problem =
                    Diagnostic::error(case.span, format!("two cases have the class name `{class}` in reports"));
                problems.add(
                    problem
                        .related(first, "the first is here")
                        .help("rename one of the cases, or set `name` in one of the files"),
                );
            }
        }
        if raw.cases.is_empty() && includes.is_empty() && !problems.has_errors() {
            if named {
                let span = Span { file: source, start: 0, end: 0 };
                problems.add(
                    Diagnostic::error(span, "the manifest has no cases")
                        .help("name a case with a key that starts with `test`: `testIt: [{run: [echo, hello]}]`"),
                );
            } else {
                self.loaded.without_cases.push(self.loaded.sources.get(source).shown.clone());
            }
        }
        if problems.has_errors() {
            let problems = problems.into_vec();
            self.loaded.broken.push(Broken { classname: name.class, file: name.file, path: name.path, problems });
        } else {
            self.loaded.cases.append(&mut cases);
            self.loaded.lints.extend(problems.into_vec().into_iter().filter(|p| p.severity == Severity::Warning));
        }
        for include in includes {
            self.resolve(include, &settings);
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let shown = self.shown(path);
        let name = file_name(&shown, None);
        let file = self.loaded.sources.add(Source::new(shown, path.to_owned(), String::new()));
        let problems = vec![unreadable(Span { file, start: 0, end: 0 }, error)];
        self.loaded.broken.push(Broken { classname: name.class, file: name.file, path: name.path, problems });
    }

    /// The path for people: relative to the working directory; the base name when it lies elsewhere.
    fn shown(&self, path: &Path) -> String {
        let inside = path
            .strip_prefix(&self.caller.cwd)
            .ok()
            .map(Path::to_owned)
            .or_else(|| canonical(path).strip_prefix(canonical(&self.caller.cwd)).ok().map(Path::to_owned));
        let shown: PathBuf = inside.unwrap_or_else(|| path.file_name().map_or_else(|| path.to_owned(), PathBuf::from));
        let clean: PathBuf = shown.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect();
        without_store_hash(&clean.to_string_lossy()).to_owned()
    }
}

fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// `x.yml` for `0c1nmh…-x.yml`: the 32 characters that Nix puts before a name in its store vary with the content.
fn without_store_hash(shown: &str) -> &str {
    let base = |c: u8| b"0123456789abcdfghijklmnpqrsvwxyz".contains(&c);
    match shown.as_bytes() {
        bytes if bytes.len() > 33 && bytes[32] == b'-' && bytes[..32].iter().all(|c| base(*c)) => &shown[33..],
        _ => shown,
    }
}

fn file_name(shown: &str, name: Option<&str>) -> FileName {
    let file = name.unwrap_or(shown);
    let stem = [".yml", ".yaml", ".json"].iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file);
    // `bazel test` finds a manifest by its program's name (contract, section 7): `.foresee` belongs to the ending.
    let stem = stem.strip_suffix(".foresee").unwrap_or(stem);
    let class = stem.split('/').filter(|part| !part.is_empty()).map(|part| part.replace('.', "_"));
    FileName { file: file.to_owned(), path: shown.to_owned(), class: class.collect::<Vec<_>>().join(".") }
}

fn read_text(path: &Path) -> io::Result<String> {
    if path.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    if fs::metadata(path)?.len() > yaml::MAX_FILE {
        return Err(io::Error::other(format!("it is larger than {} MiB", yaml::MAX_FILE >> 20)));
    }
    let bytes = fs::read(path)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).map(<[u8]>::to_vec).unwrap_or(bytes);
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
        io::Error::other(format!("it is not UTF-8 (byte {good}, line {line})"))
    })
}

fn unreadable(span: Span, error: &io::Error) -> Diagnostic {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::error(span, format!("can't read the manifest: {reason}"))
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
}
