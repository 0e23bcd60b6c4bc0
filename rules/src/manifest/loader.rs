//! Files to cases: includes, and what many files have in common.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::discover::Found;
use super::files::{Text, canonical, file_name, read_text, shown, unreadable};
use super::lint;
use super::raw::{RawManifest, Settings, read_manifest};
use super::reader::{Problems, RawText};
use super::resolve::{FileName, Surroundings, resolve_case};
use super::{Broken, Caller, Loaded, yaml};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Source, Span, clamp};

/// No chain of includes is longer; it keeps the recursion below from exhausting the stack.
const MAX_INCLUDES: usize = 64;

pub(super) struct Loader<'c> {
    caller: &'c Caller,
    pub(super) loaded: Loaded,
    /// Where each class name comes from.
    classes: HashMap<String, Span>,
}

/// Why a file can't be read.
enum Fault {
    Unreadable(io::Error),
    /// From this byte on.
    NotUtf8(usize),
}

/// A file that was read, with the files that it includes.
struct File {
    source: u32,
    name: FileName,
    named: bool,
    problems: Problems,
    raw: RawManifest,
    includes: Vec<Include>,
}

/// A file that another one includes.
struct Include {
    path: PathBuf,
    /// What the other one says.
    written: RawText,
    file: File,
}

/// The reading of one root and all that it includes.
#[derive(Default)]
struct Tree {
    /// The files that are being read, to find cycles.
    open: Vec<PathBuf>,
    /// Every file that was included, and where.
    included: HashMap<PathBuf, Span>,
}

impl<'c> Loader<'c> {
    pub(super) fn new(caller: &'c Caller) -> Self {
        Self { caller, loaded: Loaded::default(), classes: HashMap::new() }
    }

    /// Loads `roots` and all that they include. A root that another one includes is a part of that one.
    pub(super) fn load_roots(&mut self, roots: &[Found]) {
        let mut trees = Vec::new();
        for root in roots {
            let text = read_text(&root.path);
            let mut tree = Tree::default();
            let file = self.read(&root.path, root.named, text, &mut tree);
            trees.push((&root.path, file, tree.included));
        }
        if trees.iter().all(|(_, _, included)| included.is_empty()) {
            trees.into_iter().for_each(|(_, file, _)| self.resolve(file, &[]));
            return;
        }
        let trees: Vec<_> = trees.into_iter().map(|(path, file, theirs)| (canonical(path), file, theirs)).collect();
        // Of roots that include one another, which is an error of both, the first is kept.
        let mut kept = vec![true; trees.len()];
        for (i, (path, _, included)) in trees.iter().enumerate() {
            let includer = trees.iter().enumerate().find(|(j, (other, _, theirs))| {
                i != *j && theirs.contains_key(path) && !(i < *j && included.contains_key(other))
            });
            kept[i] = includer.is_none();
        }
        let mut included: HashMap<PathBuf, Span> = HashMap::new();
        for ((_, mut file, theirs), _) in trees.into_iter().zip(kept).filter(|(_, kept)| *kept) {
            file.refuse_includes(&included);
            included.extend(theirs);
            self.resolve(file, &[]);
        }
    }

    /// Loads one text as the manifest at `path`.
    pub(super) fn load_text(&mut self, path: &Path, text: String) {
        let file = self.read(path, true, Ok(Text { text, not_utf8: None }), &mut Tree::default());
        self.resolve(file, &[]);
    }

    /// Reads a file and all that it includes.
    fn read(&mut self, path: &Path, named: bool, text: io::Result<Text>, tree: &mut Tree) -> File {
        let shown = shown(path, self.caller);
        let (text, fault) = match text {
            Ok(Text { text, not_utf8 }) => (text, not_utf8.map(Fault::NotUtf8)),
            Err(error) => (String::new(), Some(Fault::Unreadable(error))),
        };
        let source = self.loaded.sources.add(Source::new(shown.clone(), path.to_owned(), text));
        let problems = Problems::default();
        let mut raw = RawManifest::default();
        let at = |start| Span { file: source, start: clamp(start), end: clamp(start) };
        match fault {
            Some(Fault::Unreadable(error)) => problems.add(unreadable(at(0), "manifest", &error)),
            Some(Fault::NotUtf8(offset)) => problems.add(
                Diagnostic::error(at(offset), "this is not UTF-8").help("save the manifest with the encoding UTF-8"),
            ),
            None => {
                let (root, found) = yaml::parse(source, &self.loaded.sources.get(source).text);
                found.into_iter().for_each(|problem| problems.add(problem));
                if let Some(root) = root {
                    raw = read_manifest(&root, &problems);
                }
            }
        }
        let name = file_name(&shown, raw.name.as_ref().map(|(name, _)| name.as_str()));
        let includes =
            if raw.include.is_empty() { Vec::new() } else { self.read_includes(path, &raw, &problems, tree) };
        File { source, name, named, problems, raw, includes }
    }

    /// Reads what the manifest at `path` includes.
    fn read_includes(&mut self, path: &Path, raw: &RawManifest, problems: &Problems, tree: &mut Tree) -> Vec<Include> {
        tree.open.push(canonical(path));
        let mut includes = Vec::new();
        for written in &raw.include {
            match self.find_include(path, written, tree) {
                Ok(target) => {
                    let path = canonical(&target);
                    tree.included.insert(path.clone(), written.1);
                    let file = self.read(&target, true, read_text(&target), tree);
                    includes.push(Include { path, written: written.clone(), file });
                }
                Err(problem) => problems.add(problem),
            }
        }
        tree.open.pop();
        includes
    }

    /// The file that an `include` of the manifest at `path` means.
    fn find_include(&self, path: &Path, (written, span): &RawText, tree: &Tree) -> Result<PathBuf, Diagnostic> {
        let beside = path.parent().unwrap_or(Path::new("")).join(written);
        let in_runfiles = self.caller.runfiles.as_ref().map(|runfiles| runfiles.join(written));
        let target = in_runfiles.filter(|other| !beside.exists() && other.exists()).unwrap_or(beside);
        if !target.is_file() {
            let what = if target.is_dir() { "is a directory" } else { "does not exist" };
            return Err(Diagnostic::error(*span, format!("`{written}` {what}"))
                .help("`include` takes files, by their paths relative to this manifest"));
        }
        let path = canonical(&target);
        if tree.open.contains(&path) {
            return Err(Diagnostic::error(*span, format!("`{written}` includes this file, directly or not"))
                .help("a cycle of includes has no end; remove one of them"));
        }
        if tree.open.len() >= MAX_INCLUDES {
            return Err(Diagnostic::error(*span, format!("more than {MAX_INCLUDES} files include one another")));
        }
        match tree.included.get(&path) {
            Some(first) => Err(included_twice(written, *span, *first)),
            None => Ok(target),
        }
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
        let (mut cases, mut lints) = (Vec::new(), Vec::new());
        for raw in &raw.cases {
            let case = resolve_case(raw, &around);
            lints.extend(lint::lint(raw, &case, &self.loaded.sources));
            if let Some(first) = self.classes.insert(case.classname.clone(), case.span) {
                let class = &case.classname;
                problems.add(
                    Diagnostic::error(case.span, format!("two cases have the class name `{class}` in reports"))
                        .related(first, "the first is here")
                        .help("rename one of the cases, or set `name` in one of the files"),
                );
            }
            cases.push(case);
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
            // What is wrong may well be what a lint would complain of; so lints wait until the file loads.
            let problems = problems.into_vec().into_iter().filter(|p| p.severity == Severity::Error).collect();
            self.loaded.broken.push(Broken { classname: name.class, file: name.file, path: name.path, problems });
        } else {
            self.loaded.cases.append(&mut cases);
            lints.into_iter().for_each(|lint| problems.add(lint));
            self.loaded.lints.extend(problems.into_vec());
        }
        for include in includes {
            self.resolve(include.file, &settings);
        }
    }

    /// Reports a file or directory (`what`) that can't be read.
    pub(super) fn unreadable(&mut self, path: &Path, what: &str, error: &io::Error) {
        let shown = shown(path, self.caller);
        let name = file_name(&shown, None);
        let file = self.loaded.sources.add(Source::new(shown, path.to_owned(), String::new()));
        let problems = vec![unreadable(Span { file, start: 0, end: 0 }, what, error)];
        self.loaded.broken.push(Broken { classname: name.class, file: name.file, path: name.path, problems });
    }
}

impl File {
    /// Reports and drops what other roots include already.
    fn refuse_includes(&mut self, elsewhere: &HashMap<PathBuf, Span>) {
        for mut include in std::mem::take(&mut self.includes) {
            match elsewhere.get(&include.path) {
                Some(first) => {
                    self.problems.add(included_twice(&include.written.0, include.written.1, *first));
                }
                None => {
                    include.file.refuse_includes(elsewhere);
                    self.includes.push(include);
                }
            }
        }
    }
}

fn included_twice(written: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(span, format!("`{written}` is included twice"))
        .related(first, "first here")
        .help("its cases would run twice under the same names; include it once")
}
