//! The log files of a case: one for each output of each process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Executor, Halt, Step};
use crate::case::{Case, ProcessId, Stream};
use crate::outcome::{Kind, LogExcerpt, LogRecord, LogStream, Problem};

/// Where logs are, and how large they may become.
#[derive(Debug)]
pub(crate) struct Logs {
    dir: PathBuf,
    stems: Vec<String>,
    limit: u64,
}

impl Logs {
    pub(crate) fn new(dir: &Path, case: &Case) -> Self {
        let stems = case.processes.iter().map(|process| process.log_stem.clone()).collect();
        Self { dir: dir.to_owned(), stems, limit: case.limits.log }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn file_name(&self, process: ProcessId, stream: Stream) -> String {
        format!("{}.{}", self.stems[process], stream.as_str())
    }

    pub(crate) fn path(&self, process: ProcessId, stream: Stream) -> PathBuf {
        self.dir.join(self.file_name(process, stream))
    }

    /// Creates the log of an output. Appending, so that no writer overwrites another, whoever else has it open.
    pub(crate) fn create(&self, process: ProcessId, stream: Stream) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).mode(0o600).open(self.path(process, stream))
    }

    pub(crate) fn record(&self, case: &Case, process: ProcessId, stream: Stream) -> LogRecord {
        LogRecord {
            process: Some(process),
            stream: LogStream::Of(stream),
            name: case.processes[process].name.clone(),
            file: self.file_name(process, stream),
        }
    }

    /// The logs of a process as an explanation, standard error first: there programs complain.
    pub(crate) fn of_process(&self, process: ProcessId) -> Vec<LogExcerpt> {
        [Stream::Stderr, Stream::Stdout]
            .map(|stream| LogExcerpt::whole(Some(process), self.file_name(process, stream)))
            .into()
    }

    pub(crate) fn size(&self, process: ProcessId, stream: Stream) -> u64 {
        std::fs::metadata(self.path(process, stream)).map_or(0, |meta| meta.len())
    }
}

impl Executor<'_> {
    /// Fails the case when `process` has printed more than it may.
    pub(super) fn check_log_size(&self, process: ProcessId) -> Step {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let (size, limit) = (self.logs.size(process, stream), self.logs.limit);
            if size > limit {
                let name = &self.case.processes[process].name;
                let problem = Problem::new(
                    Kind::LogLimit,
                    self.case.processes[process].span,
                    format!("{} of `{name}` grew beyond {}", stream.as_str(), bytes(limit)),
                );
                let mut problem = problem.label("more than `limits: {log: …}` allows".to_owned());
                problem.logs = vec![LogExcerpt::whole(Some(process), self.logs.file_name(process, stream))];
                return Err(Halt::lifecycle(problem));
            }
        }
        Ok(())
    }
}

/// A number of bytes as a manifest writes it.
pub(crate) fn bytes(count: u64) -> String {
    for (unit, scale) in [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if count > 0 && count.is_multiple_of(scale) {
            return format!("{}{unit}", count / scale);
        }
    }
    format!("{count} bytes")
}
