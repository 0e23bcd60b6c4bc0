//! The environment: the one place where it is read.
//!
//! What Bazel tells a test is documented in its Test Encyclopedia
//! (<https://bazel.build/reference/test-encyclopedia>); what Nix tells a builder in the Nix manual.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use foresee_rules::manifest::Caller;
use foresee_rules::report::Rerun;

/// PATH of the tested programs when the caller has none.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What the environment says.
#[derive(Debug)]
pub(crate) struct Environment {
    /// The name that this program was called by.
    program: String,
    pub(crate) cwd: PathBuf,
    /// All variables that are text.
    vars: BTreeMap<String, String>,
    runfiles: Option<PathBuf>,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let vars: BTreeMap<_, _> = std::env::vars_os().filter_map(text).collect();
        let program = std::env::args().next().unwrap_or_else(|| "foresee".into());
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let runfiles = find_runfiles(&vars, &cwd.join(&program));
        Self { program, cwd, vars, runfiles }
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(|path| self.cwd.join(path))
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    /// Whether Bazel runs us as a test.
    pub(crate) fn is_bazel_test(&self) -> bool {
        self.get("TEST_TMPDIR").is_some() && self.get("TEST_SRCDIR").is_some()
    }

    /// How many cases run at once: one under Bazel, which counts a test as one core; what Nix gives a build; all cores.
    pub(crate) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self.number("NIX_BUILD_CORES") {
            _ if self.is_bazel_test() => 1,
            Some(0) | None => cores(),
            Some(given) => given,
        }
    }

    /// Bazel's shard, counted from 0 there: number and total.
    pub(crate) fn shard(&self) -> Option<(usize, usize)> {
        let of = self.number("TEST_TOTAL_SHARDS").filter(|of| *of > 1)?;
        Some((self.number("TEST_SHARD_INDEX")? + 1, of))
    }

    /// The run's deadline: a tenth before Bazel ends the test, so that there is time for a report.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let seconds: f64 = self.get("TEST_TIMEOUT")?.parse().ok()?;
        (seconds.is_finite() && seconds > 0.0).then(|| Duration::from_secs_f64(seconds * 0.9))
    }

    /// The date that a reproducible build gives its files.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.get("SOURCE_DATE_EPOCH")?.parse().ok()?))
    }

    pub(crate) fn fail_fast(&self) -> bool {
        self.get("TESTBRIDGE_TEST_RUNNER_FAIL_FAST") == Some("1")
    }

    /// A file that tells Bazel something by being there.
    pub(crate) fn touch(&self, name: &str) {
        if let Some(path) = self.path(name) {
            let _ = std::fs::File::create(path);
        }
    }

    /// Takes such a file away.
    pub(crate) fn untouch(&self, name: &str) {
        if let Some(path) = self.path(name) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Tells Bazel that the machine is at fault (component in the first line, explanation in the second).
    pub(crate) fn infrastructure_failure(&self, message: &str) {
        if let Some(path) = self.path("TEST_INFRASTRUCTURE_FAILURE_FILE") {
            let _ = std::fs::write(path, format!("foresee\n{}\n", message.replace('\n', " ")));
        }
    }

    /// The manifest beside the program, when it was called under a name of its own.
    pub(crate) fn manifest_beside(&self) -> Option<PathBuf> {
        let beside = |program: &Path| {
            let mut name = program.as_os_str().to_owned();
            name.push(".foresee.json");
            Some(PathBuf::from(name)).filter(|path| path.is_file())
        };
        let program = self.cwd.join(&self.program);
        // Called by a bare name, it was found in PATH; that is no test.
        self.program.contains('/').then(|| beside(&program))?
    }

    /// How one case is run again.
    pub(crate) fn rerun(&self) -> Rerun {
        match self.get("TEST_TARGET") {
            Some(target) if self.is_bazel_test() => Rerun::Bazel(target.to_owned()),
            _ if self.manifest_beside().is_some() => Rerun::Test(self.program.clone()),
            _ => Rerun::Run(self.program.clone()),
        }
    }

    /// Where results go when no flag says so.
    pub(crate) fn output_dir(&self) -> PathBuf {
        self.path("TEST_UNDECLARED_OUTPUTS_DIR").unwrap_or_else(|| self.cwd.join("foresee-out"))
    }

    pub(crate) fn caller(&self, output_dir: PathBuf) -> Caller {
        let (cwd, env, runfiles) = (self.cwd.clone(), self.vars.clone(), self.runfiles.clone());
        Caller { cwd, env, runfiles, output_dir: Some(output_dir) }
    }

    /// The environment that every tested program has, but for HOME and TMPDIR.
    pub(crate) fn of_programs(&self) -> BTreeMap<String, String> {
        let path = self.get("PATH").unwrap_or(DEFAULT_PATH);
        let fixed = [("PATH", path), ("TZ", "UTC"), ("LANG", "C.UTF-8")];
        let mut env: BTreeMap<_, _> = fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        if let Some(runfiles) = &self.runfiles {
            for name in ["RUNFILES_DIR", "JAVA_RUNFILES"] {
                env.insert(name.into(), runfiles.display().to_string());
            }
        }
        env
    }
}

/// The runfiles directory, as Bazel's runfiles libraries find it.
fn find_runfiles(vars: &BTreeMap<String, String>, program: &Path) -> Option<PathBuf> {
    let named = ["RUNFILES_DIR", "TEST_SRCDIR"].iter().filter_map(|name| vars.get(*name)).map(PathBuf::from);
    let mut beside = program.as_os_str().to_owned();
    beside.push(".runfiles");
    named.chain([PathBuf::from(beside)]).find(|dir| dir.is_dir())
}
