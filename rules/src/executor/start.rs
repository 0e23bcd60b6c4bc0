//! Starting the processes of a case.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::channel::Event;
use super::limits::rlimits;
use super::{Executor, Halt, State, Step, internal};
use crate::case::{ProcessId, Stdin, Stream, Text};
use crate::outcome::{Kind, Problem, ProcessRecord};
use crate::process::{Child, Command, SpawnError, c_string};
use crate::source::Span;

impl Executor<'_> {
    /// Starts a process of the case.
    pub(super) fn start(&mut self, process: ProcessId) -> Step {
        let env = self.values.of_process(&self.case, process);
        let argv = self.fill_argv(&self.case.processes[process].argv, &env);
        let span = self.case.processes[process].span;
        let program = match self.programs[process].take() {
            Some(program) => program,
            None => self.find(&argv[0], &self.case.processes[process].roots, span)?,
        };
        let failed = |this: &Self, what: &str, error: &io::Error| internal(&this.case, what, error);
        let cwd = self.cwd(process, &env);
        let stdin = self.stdin(process, &env).map_err(|e| self.bad_stdin(process, &e))?;
        let stdout = self.logs.create(process, Stream::Stdout).map_err(|e| failed(self, "can't write a log", &e))?;
        let stderr = self.logs.create(process, Stream::Stderr).map_err(|e| failed(self, "can't write a log", &e))?;
        let passed = self.ports.passed(&self.case, process).map_err(|e| failed(self, "can't pass a port", &e))?;
        let (listen, names): (Vec<_>, Vec<_>) = passed.into_iter().unzip();
        let mut env = env;
        if !listen.is_empty() {
            env.insert("LISTEN_FDS".into(), listen.len().to_string());
            env.insert("LISTEN_FDNAMES".into(), names.join(":"));
        }
        if !self.case.processes[process].reserve {
            self.ports.release(&self.case, process);
        }
        let command = Command {
            program: c_path(&program),
            argv: argv.into_iter().map(c_string).collect(),
            env: env_strings(&env),
            cwd: c_path(&cwd),
            stdio: [stdin, stdout.into(), stderr.into()],
            listen,
            limits: rlimits(&self.case.limits, self.own_users),
        };
        let child = self
            .spawner
            .spawn(&command, self.watch, process as u64)
            .map_err(|error| self.not_started(process, &program, &cwd, &error))?;
        self.channel.send(&Event::Process(ProcessRecord { process, pid: child.pid, exit: None }));
        for stream in [Stream::Stdout, Stream::Stderr] {
            let record = self.logs.record(&self.case, process, stream);
            self.channel.send(&Event::Log(record));
        }
        self.states[process] = State::Running(child);
        Ok(())
    }

    /// Starts a command that is not part of the plan and of which only the exit counts; its output goes nowhere.
    pub(super) fn start_helper(&mut self, argv: &[Text], roots: &[PathBuf], span: Span) -> Step<Child> {
        let env = self.values.env.clone();
        let argv = self.fill_argv(argv, &env);
        let program = self.find(&argv[0], roots, span)?;
        let stdio = (|| -> io::Result<[OwnedFd; 3]> {
            let null = || OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
            Ok([null()?, null()?, null()?])
        })();
        let command = Command {
            program: c_path(&program),
            argv: argv.into_iter().map(c_string).collect(),
            env: env_strings(&env),
            cwd: c_path(&self.values.dir),
            stdio: stdio.map_err(|e| internal(&self.case, "/dev/null", &e))?,
            listen: Vec::new(),
            limits: rlimits(&self.case.limits, self.own_users),
        };
        self.spawner.spawn(&command, self.watch, super::HELPER).map_err(|error| {
            let message = format!("`{}` can't be executed: {}", program.display(), error.io());
            Halt::lifecycle(Problem::new(Kind::CommandNotFound, span, message))
        })
    }

    fn fill_argv(&self, argv: &[Text], env: &BTreeMap<String, String>) -> Vec<String> {
        let values = self.values.within(env);
        argv.iter().map(|argument| argument.fill(&values)).collect()
    }

    fn cwd(&self, process: ProcessId, env: &BTreeMap<String, String>) -> PathBuf {
        let cwd = self.case.processes[process].cwd.as_ref();
        cwd.map_or_else(|| self.values.dir.clone(), |cwd| self.values.dir.join(cwd.fill(&self.values.within(env))))
    }

    fn stdin(&self, process: ProcessId, env: &BTreeMap<String, String>) -> io::Result<OwnedFd> {
        match &self.case.processes[process].stdin {
            Stdin::Null => File::open("/dev/null").map(OwnedFd::from),
            Stdin::File(path) => File::open(path).map(OwnedFd::from),
            Stdin::Text(text) => {
                // A file without a name: unlike a pipe it never blocks, however much of it nobody reads.
                let path = self.logs.dir().join(format!(".stdin-{process}"));
                let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
                fs::remove_file(&path)?;
                file.write_all(text.fill(&self.values.within(env)).as_bytes())?;
                file.rewind()?;
                Ok(file.into())
            }
        }
    }

    fn bad_stdin(&self, process: ProcessId, error: &io::Error) -> Halt {
        let process = &self.case.processes[process];
        match &process.stdin {
            Stdin::File(path) => {
                let message =
                    format!("`{}` can't be read for the stdin of `{}`: {error}", path.display(), process.name);
                Halt::lifecycle(Problem::new(Kind::CommandNotFound, process.span, message))
            }
            _ => internal(&self.case, "can't prepare a stdin", error),
        }
    }

    fn not_started(&self, process: ProcessId, program: &Path, cwd: &Path, error: &SpawnError) -> Halt {
        let name = &self.case.processes[process].name;
        let span = self.case.processes[process].span;
        let program = program.display();
        let problem = match error {
            SpawnError::Cwd(error) => {
                Problem::new(Kind::CommandNotFound, span, format!("`{name}` can't start in its directory: {error}"))
                    .label("its `cwd` can't be entered")
                    .detail("cwd", cwd.display().to_string())
            }
            SpawnError::Limit(error) => {
                Problem::new(Kind::Resource, span, format!("the limits of `{name}` can't be set: {error}"))
                    .label("`limits` beyond what the machine allows")
            }
            SpawnError::Exec(error) => {
                let hint = match error.raw_os_error() {
                    Some(libc::ENOEXEC) => "not a program for this machine; a script begins with `#!`",
                    Some(libc::ENOENT) => "the interpreter that its first line names is missing",
                    _ => "the kernel refuses it",
                };
                Problem::new(Kind::CommandNotFound, span, format!("`{name}` can't be executed: {error}"))
                    .label(hint)
                    .detail("program", program.to_string())
            }
            SpawnError::Clone(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
                Problem::new(Kind::Resource, span, format!("no more processes may be started: {error}"))
                    .label("the limit on processes is reached")
            }
            SpawnError::Clone(error) => {
                Problem::new(Kind::Internal, span, format!("`{name}` can't be started: {error}"))
            }
        };
        Halt::lifecycle(problem)
    }
}

fn c_path(path: &Path) -> CString {
    c_string(path.as_os_str().as_bytes())
}

fn env_strings(env: &BTreeMap<String, String>) -> Vec<CString> {
    env.iter().map(|(name, value)| c_string(format!("{name}={value}"))).collect()
}
