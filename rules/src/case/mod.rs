//! The resolved case: what a manifest means once every name, path, default and setting has been looked up.
//!
//! A [`Case`] can't be wrong: what could be is refused while it is made (module `manifest`). It is plain data, so that it
//! can be sent to the executor, another process.

mod check;
mod status;
mod target;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use check::Checks;
pub use check::{Check, CheckId, LIFECYCLE};
pub(crate) use status::signal_names;
pub use status::{Exit, Status, StatusSet, signal_by_name, signal_name};
pub use target::{
    App, Ask, Body, Comparison, Constraint, CookieExpectation, Expected, Matcher, Named, Query, Retry, Server, Source,
    StatusPattern, Target, Test, Upload,
};
pub use text::{JsonText, Piece, Text, Values};

use crate::source::Span;

/// Index into [`Case::processes`].
pub type ProcessId = usize;
/// Index into [`Case::ports`].
pub type PortId = usize;

/// One case of a manifest, ready to be run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Case {
    /// The key it stands under.
    pub name: String,
    /// FILE of the contract's section 8: the path for people, or the manifest's `name`.
    pub file: String,
    /// The file's path relative to the working directory, for the report's `file` attributes.
    pub path: String,
    /// `FILE :: CASE`, the suite's name.
    pub suite: String,
    /// `dir.dir.stem.CASE`, the class name of its test cases.
    pub classname: String,
    /// Where its key stands.
    pub span: Span,
    /// Why it is not run, when it is not.
    pub skip: Option<String>,
    /// How often it may be tried; at least 1.
    pub attempts: u32,
    /// How long the whole case may take.
    pub deadline: Option<Duration>,
    /// Variables beyond the fixed environment, in order of writing; they may speak of what is outside (`Piece::Env`).
    pub env: Vec<(String, Text)>,
    /// Variables taken over from the caller, with the values found there.
    pub inherited: Vec<(String, String)>,
    /// Names whose values are masked in logs and reports.
    pub secrets: Vec<String>,
    /// Files and directories to copy into the work directory.
    pub inputs: Vec<Input>,
    /// What its processes may use.
    pub limits: Limits,
    /// How it is kept apart from the machine.
    pub sandbox: SandboxWish,
    /// Where runfiles are, when there are any.
    pub runfiles: Option<PathBuf>,
    /// Every process of the case, in order of their steps.
    pub processes: Vec<Process>,
    /// Every port of every process.
    pub ports: Vec<Port>,
    /// The app among the processes, when the case needs one.
    pub app: Option<App>,
    /// What is done, one after the other.
    pub steps: Vec<Step>,
    /// What is judged: the test cases of the report, in its order; the first is [`LIFECYCLE`].
    pub checks: Vec<Check>,
}

impl Case {
    /// A case that does nothing, and holds where cases can be run at all.
    pub(crate) fn empty() -> Self {
        Self { checks: Checks::new(Span::default()).into_vec(), ..Self::default() }
    }
}

/// A file or directory that is copied into the work directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Where it is now.
    pub from: PathBuf,
    /// Where it will be, relative to the work directory.
    pub to: PathBuf,
}

/// Bounds on what processes use; `None` is unbounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory that its processes may have resident, together.
    pub memory: Option<u64>,
    /// Number of its processes and threads, together.
    pub processes: Option<u64>,
    /// Descriptors of a process (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// Processor time of a process (`RLIMIT_CPU`).
    pub cpu: Option<Duration>,
    /// Bytes of any one file that a process writes (`RLIMIT_FSIZE`).
    pub file_size: Option<u64>,
    /// Bytes of each log stream; a process that writes more fails the case.
    pub log: u64,
    /// Bytes of a response's body.
    pub body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: None,
            processes: None,
            open_files: None,
            cpu: None,
            file_size: None,
            log: 64 << 20,
            body: 16 << 20,
        }
    }
}

/// What a manifest asks of the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxWish {
    /// What of the host's file system is seen.
    pub view: View,
    /// Whose network is used.
    pub network: Network,
    /// Facets without which the case may not run.
    pub require: Vec<String>,
    /// What happens to descendants that outlive the case.
    pub orphans: Orphans,
}

/// What of the host's file system a case sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The host, read-only.
    #[default]
    Host,
    /// Only what the manifest declares.
    Declared,
}

/// Whose network a case uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// A loopback of its own.
    #[default]
    Private,
    /// The host's.
    Host,
}

/// What happens to descendants that outlive the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Orphans {
    /// The case fails.
    #[default]
    Fail,
    /// They are killed without a word.
    Reap,
}

/// A process as it will be started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Process {
    /// How steps call it, unique in the case.
    pub name: String,
    /// What its log files are called before `.stdout` and `.stderr`: the name, made safe and unique.
    pub log_stem: String,
    /// The program and its arguments; the first decides how the program is looked up.
    pub argv: Vec<Text>,
    /// Directories in which an `argv[0]` with a slash is looked for when it is relative.
    pub roots: Vec<PathBuf>,
    /// Its working directory, relative to the case's.
    pub cwd: Option<Text>,
    /// Its whole environment beyond the fixed one: the case's and its own, merged.
    pub env: Vec<(String, Text)>,
    /// What it reads.
    pub stdin: Stdin,
    /// Whether its `auto` ports stay bound while it runs (see contract, section 2).
    pub reserve: bool,
    /// Where it stands.
    pub span: Span,
}

/// What a process reads from its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// This text.
    Text(Text),
    /// This file.
    File(PathBuf),
}

/// A named port of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub process: ProcessId,
    /// How its number or path comes about.
    pub kind: PortKind,
    /// Where it stands.
    pub span: Span,
}

/// How a port's number or path comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortKind {
    /// A free one, held reserved.
    Auto,
    /// This one.
    Fixed(u16),
    /// A free one, passed as a listening socket.
    Fd,
    /// A path for a unix socket.
    Unix,
}

/// One thing that is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// How long it may take.
    pub timeout: Duration,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Action {
    /// Start these, one after the other (`spawn`, `spawnPar`).
    Spawn(Vec<ProcessId>),
    /// Hold until ready (`ready`).
    Ready(ProcessId, Condition),
    /// Await the exits of these (`wait`, `waitPar`).
    Wait(Vec<Expectation>, Vec<OutputCheck>),
    /// Signal all of these, then await their exits (`kill`).
    Kill {
        /// Whom, and with which exits.
        set: Vec<Expectation>,
        /// What is sent.
        signal: i32,
        /// After it, SIGKILL to the groups of those left.
        grace: Option<Duration>,
    },
    /// Start this and await its exit (`run`).
    Run(Expectation, Vec<OutputCheck>),
    /// Send signals and go on (`signal`).
    Signal(Vec<(ProcessId, i32)>),
    /// Ask a server, and judge its answer.
    Request(Box<Target>),
}

impl Action {
    /// The exits that the step awaits.
    #[must_use]
    pub fn awaited(&self) -> &[Expectation] {
        match self {
            Self::Wait(set, _) | Self::Kill { set, .. } => set,
            Self::Run(expectation, _) => std::slice::from_ref(expectation),
            _ => &[],
        }
    }
}

/// An exit that is awaited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expectation {
    /// Whose.
    pub process: ProcessId,
    /// What it must be.
    pub status: StatusSet,
    /// The test case that it decides.
    pub check: CheckId,
    /// Where the status stands (the name, when the default applies).
    pub span: Span,
}

/// When a process counts as ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// Where it stands.
    pub span: Span,
    /// What must hold.
    pub kind: ConditionKind,
}

/// What must hold for a process to be ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ConditionKind {
    /// The port accepts connections.
    Port(PortId),
    /// A GET of this path is answered, below 500.
    Http(PortId, Text),
    /// What the process has printed matches this regular expression.
    Log(Text),
    /// This file exists, relative to the work directory.
    File(Text),
    /// This command, run again and again, exits 0.
    Exec {
        /// The program and its arguments.
        argv: Vec<Text>,
        /// As in [`Process::roots`].
        roots: Vec<PathBuf>,
    },
}

/// Which of a process's outputs is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdout` or `stderr`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A constraint on what a process printed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutputCheck {
    /// The test case that it decides.
    pub check: CheckId,
    /// Where its value stands.
    pub span: Span,
    /// Which output.
    pub stream: Stream,
    /// What must hold of it.
    pub expected: OutputExpectation,
}

/// What must hold of an output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OutputExpectation {
    /// It is this, but for one final newline.
    Equals(Text),
    /// It contains each of these.
    Contains(Vec<Text>),
    /// Each of these regular expressions matches somewhere.
    Matches(Vec<Text>),
    /// It is this JSON value.
    Json(JsonText),
}
