//! Running foresee in an empty place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// PATH of the tests: what a fresh machine has.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// A directory of its own, in which foresee can be run.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        fs::create_dir(place.path("tmp")).expect("an empty directory");
        fs::create_dir(place.path("cwd")).expect("an empty directory");
        place
    }

    /// With a file `test.yml` in its working directory.
    pub(crate) fn with_manifest(text: &str) -> Self {
        let place = Self::new();
        place.write("test.yml", text);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The working directory.
    pub(crate) fn cwd(&self) -> PathBuf {
        self.path("cwd")
    }

    /// Where run directories are made.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.path("tmp")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.cwd().join(name), text).expect("a writable file");
    }

    /// Puts a program of `cli/examples`, which cargo builds together with the tests, into the working directory.
    pub(crate) fn link_example(&self, name: &str) {
        let built = Path::new(env!("CARGO_BIN_EXE_foresee")).with_file_name("examples").join(name);
        assert!(built.is_file(), "{} is missing; build it: cargo build --examples", built.display());
        std::os::unix::fs::symlink(built, self.cwd().join(name)).expect("a link");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.cwd().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `results.json` of the last run.
    pub(crate) fn results(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("foresee-out/results.json")).expect("results.json is JSON")
    }

    /// `VERDICT[ TYPE]  SUITE :: TEST` for every test case of the last run.
    pub(crate) fn verdicts(&self) -> String {
        let results = self.results();
        let mut lines = String::new();
        for broken in results["broken"].as_array().into_iter().flatten() {
            lines.push_str(&format!("error manifest  {} :: load\n", broken["file"].as_str().unwrap_or_default()));
        }
        for suite in results["suites"].as_array().into_iter().flatten() {
            for test in suite["tests"].as_array().into_iter().flatten() {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let kind = test["problem"]["type"].as_str().map(|kind| format!(" {kind}")).unwrap_or_default();
                lines.push_str(&format!(
                    "{}{kind}  {} :: {}\n",
                    text(&test["verdict"]),
                    text(&suite["name"]),
                    text(&test["name"])
                ));
            }
        }
        lines
    }

    /// foresee in the working directory, with an environment that has nothing of the caller's.
    pub(crate) fn foresee(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foresee"));
        command
            .args(args)
            .current_dir(self.cwd())
            .env_clear()
            .env("PATH", PATH)
            .env("TMPDIR", self.tmp())
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs foresee to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.foresee(args).output().expect("foresee can be executed")
    }

    /// Whether nothing is left in the sandbox directory.
    pub(crate) fn is_clean(&self) -> bool {
        fs::read_dir(self.tmp()).expect("a directory").next().is_none()
    }
}

/// Copies a directory with all below it.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable directory");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
