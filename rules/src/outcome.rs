//! What became of the cases: the data that reports and artifacts are made of.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::case::{CheckId, Exit, ProcessId, Stream};
use crate::sandbox::Isolation;
use crate::source::Span;

/// Why a check did not pass; the types of the contract's section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A constraint does not hold.
    Assertion,
    /// A process ended in another way than expected.
    UnexpectedStatus,
    /// Something took too long.
    Timeout,
    /// A process ended that nothing waited for.
    UnexpectedExit,
    /// A process was never waited for.
    StillRunning,
    /// A descendant outlived the case.
    Orphaned,
    /// A process did not become ready.
    NotReady,
    /// A process printed more than it may.
    LogLimit,
    /// A process used more than it may.
    Resource,
    /// A request was not answered.
    Connection,
    /// A program was not found, or can't be executed.
    CommandNotFound,
    /// Required isolation is not to be had.
    SandboxUnavailable,
    /// The machine or foresee itself is at fault.
    Internal,
    /// The run was ended by a signal.
    Interrupted,
    /// The manifest is wrong.
    Manifest,
}

impl Kind {
    /// The word that reports use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::UnexpectedStatus => "unexpected-status",
            Self::Timeout => "timeout",
            Self::UnexpectedExit => "unexpected-exit",
            Self::StillRunning => "still-running",
            Self::Orphaned => "orphaned",
            Self::NotReady => "not-ready",
            Self::LogLimit => "log-limit",
            Self::Resource => "resource",
            Self::Connection => "connection",
            Self::CommandNotFound => "command-not-found",
            Self::SandboxUnavailable => "sandbox-unavailable",
            Self::Internal => "internal",
            Self::Interrupted => "interrupted",
            Self::Manifest => "manifest",
        }
    }

    /// Whether the machine is at fault rather than the tested programs (exit status 3).
    #[must_use]
    pub fn is_machine(self) -> bool {
        matches!(self, Self::SandboxUnavailable | Self::Internal)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a check did not pass, in full.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// The type.
    pub kind: Kind,
    /// Whether it could not be judged, rather than was violated.
    pub error: bool,
    /// One line that says it all.
    pub message: String,
    /// Where the caret goes.
    pub span: Span,
    /// A few words at the caret: what was got.
    pub label: String,
    /// What was expected, where that is more than a word.
    pub expected: Option<String>,
    /// What was got, where that is more than a word.
    pub got: Option<String>,
    /// Further lines: differences, other constraints of the same response, the head of a body.
    pub details: Vec<Detail>,
    /// The logs that explain it, the guilty one first.
    pub logs: Vec<LogExcerpt>,
    /// The ends of those logs, once the case is over.
    pub tails: Vec<Tail>,
}

/// The end of a log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tail {
    /// Whose it is, and which output: `server.stderr`.
    pub log: String,
    /// Its last lines, without escapes and control characters.
    pub text: String,
    /// How many lines stand before them.
    pub omitted: usize,
    /// Where the whole of it is kept, relative to the output directory.
    pub kept: Option<String>,
}

/// Lines with a word before them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detail {
    /// The word: `diff`, `body`, `also`.
    pub title: String,
    /// The lines.
    pub text: String,
}

/// A log of which the end is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogExcerpt {
    /// Whose log it is; `None` for a response.
    pub process: Option<ProcessId>,
    /// File name in the case's log directory.
    pub file: String,
    /// Only what was written from this byte on is of interest,
    pub from: u64,
    /// and before this one.
    pub until: Option<u64>,
}

impl LogExcerpt {
    /// All of a log.
    pub(crate) fn whole(process: Option<ProcessId>, file: String) -> Self {
        Self { process, file, from: 0, until: None }
    }
}

impl Problem {
    /// A problem at `span`, with `message` as its headline. Kinds that can't be judged are errors.
    #[must_use]
    pub fn new(kind: Kind, span: Span, message: impl Into<String>) -> Self {
        let error = matches!(
            kind,
            Kind::Connection
                | Kind::CommandNotFound
                | Kind::SandboxUnavailable
                | Kind::Internal
                | Kind::Interrupted
                | Kind::Manifest
        );
        Self {
            kind,
            error,
            message: message.into(),
            span,
            label: String::new(),
            expected: None,
            got: None,
            details: Vec::new(),
            logs: Vec::new(),
            tails: Vec::new(),
        }
    }

    /// Adds a few words at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what was expected and what was got.
    #[must_use]
    pub fn versus(mut self, expected: impl Into<String>, got: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.got = Some(got.into());
        self
    }

    /// Adds lines with a word before them.
    #[must_use]
    pub fn detail(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.details.push(Detail { title: title.into(), text: text.into() });
        self
    }
}

/// What became of one check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not hold, or could not be judged.
    Failed(Box<Problem>),
    /// It was not looked at, for this reason.
    Skipped(String),
}

/// How a process fared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Which one.
    pub process: ProcessId,
    /// Its process id, as the host sees it.
    pub pid: i32,
    /// How it ended.
    pub exit: Option<Exit>,
}

/// A log that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Whose it is; `None` for a response.
    pub process: Option<ProcessId>,
    /// Which output it is.
    pub stream: LogStream,
    /// Its name in reports: a process's name, or a target's.
    pub name: String,
    /// File name in the case's log directory.
    pub file: String,
}

/// What a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogStream {
    /// Output of a process.
    Of(Stream),
    /// Status line, headers and body of a response.
    Response,
}

impl LogStream {
    /// `stdout`, `stderr` or `response`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Of(stream) => stream.as_str(),
            Self::Response => "response",
        }
    }
}

/// A check with its verdict and the share of time that it took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judged {
    /// Which one.
    pub check: CheckId,
    /// What became of it.
    pub verdict: Verdict,
    /// Its share of the case's time.
    pub time: Duration,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct CaseOutcome {
    /// Index of the case among those loaded.
    pub case: usize,
    /// Its suite's name; ends in ` (run K)` when cases are repeated.
    pub suite: String,
    /// The class name of its test cases.
    pub classname: String,
    /// When its first attempt began.
    pub started: SystemTime,
    /// How long all attempts took.
    pub time: Duration,
    /// One for each of the case's checks, in their order: the last attempt.
    pub checks: Vec<Judged>,
    /// What failed in the attempts before the last.
    pub earlier: Vec<Vec<Judged>>,
    /// The logs that are kept.
    pub logs: Vec<KeptLog>,
    /// How the case was kept apart from the machine.
    pub isolation: Rc<Isolation>,
    /// Whether the case was selected but not begun, because the run ended before.
    pub not_run: bool,
}

impl CaseOutcome {
    /// The checks that did not pass and were not skipped.
    pub fn problems(&self) -> impl Iterator<Item = (CheckId, &Problem)> {
        failed(&self.checks)
    }

    /// Whether every check held or was skipped.
    #[must_use]
    pub fn held(&self) -> bool {
        self.problems().next().is_none()
    }

    /// Whether it failed before it held.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.held() && !self.earlier.is_empty()
    }
}

/// The failed ones among `checks`.
pub fn failed(checks: &[Judged]) -> impl Iterator<Item = (CheckId, &Problem)> {
    checks.iter().filter_map(|judged| match &judged.verdict {
        Verdict::Failed(problem) => Some((judged.check, problem.as_ref())),
        _ => None,
    })
}

/// A log that is kept, under its digest.
#[derive(Clone, Debug)]
pub struct KeptLog {
    /// The SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Number of lines.
    pub lines: u64,
    /// The process's name, or the target's.
    pub name: String,
    /// Which output it is.
    pub stream: LogStream,
    /// How the process ended.
    pub exit: Option<Exit>,
    /// The attempt that it is of, from 1.
    pub attempt: u32,
    /// Where people find it, relative to the output directory.
    pub path: String,
}
