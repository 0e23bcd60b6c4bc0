//! What a case may use, and who used more.
//!
//! The kernel stops a process at some of its limits, and says so by a signal. How much memory and how many processes a
//! whole case uses is added up here, every now and then.

use std::time::Duration;

use super::{Executor, Halt, Step};
use crate::case::{Exit, Limits, ProcessId};
use crate::executor::logs::bytes;
use crate::outcome::{Kind, Problem};
use crate::process::{self, Child};

/// How often use is added up: a fork bomb that the kernel stops is over soon.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Limits that the kernel keeps: resource, soft limit, hard limit.
pub(super) fn rlimits(limits: &Limits, own_users: bool) -> Vec<(i32, u64, u64)> {
    let cpu = limits.cpu.map(|cpu| cpu.as_secs_f64().ceil().max(1.0) as u64);
    // At the soft limit comes SIGXCPU, which tells what happened; at the hard one just SIGKILL.
    let cpu = cpu.map(|seconds| (libc::RLIMIT_CPU, seconds, seconds + 1));
    let same = |resource, limit: Option<u64>| limit.map(|limit| (resource, limit, limit));
    // The kernel counts the processes of a user, in a user namespace; without one these are also others'.
    let processes = limits.processes.filter(|_| own_users).map(process::hard_limit_of_processes);
    let all = [
        cpu,
        same(libc::RLIMIT_NOFILE, limits.open_files),
        same(libc::RLIMIT_FSIZE, limits.file_size),
        same(libc::RLIMIT_NPROC, processes),
    ];
    // The type of the numbers differs between C libraries.
    all.into_iter().flatten().filter_map(|(r, soft, hard)| Some((i32::try_from(r).ok()?, soft, hard))).collect()
}

impl Executor<'_> {
    /// Adds up what all processes of the case use at this moment.
    pub(super) fn check_usage(&self) -> Step {
        let Limits { memory, processes, .. } = self.case.limits;
        if memory.is_none() && processes.is_none() {
            return Ok(());
        }
        let used = process::usage_of_descendants();
        if let Some(limit) = processes.filter(|limit| used.tasks > *limit) {
            let message = format!("the case has more than {limit} processes and threads");
            return Err(self.over_limit(None, "processes", message));
        }
        if let Some(limit) = memory.filter(|limit| used.resident > *limit) {
            let message = format!("the processes of the case use more than {} of memory", bytes(limit));
            return Err(self.over_limit(None, "memory", message));
        }
        Ok(())
    }

    /// Whether `child` ended because of a limit, or went beyond one before.
    pub(super) fn limit_hit(&self, process: ProcessId, child: &Child, exit: Exit) -> Option<Halt> {
        let Limits { memory, cpu, file_size, .. } = self.case.limits;
        let name = &self.case.processes[process].name;
        let (limit, message) = match (exit, cpu, file_size) {
            (Exit::Signal(libc::SIGXCPU), Some(cpu), _) => {
                ("cpu", format!("`{name}` used more than {cpu:?} of processor time"))
            }
            (Exit::Signal(libc::SIGXFSZ), _, Some(size)) => {
                ("file_size", format!("`{name}` wrote a file larger than {}", bytes(size)))
            }
            _ => {
                let limit = memory.filter(|limit| process::peak_memory(child).is_some_and(|peak| peak > *limit))?;
                ("memory", format!("`{name}` used more than {} of memory", bytes(limit)))
            }
        };
        Some(self.over_limit(Some(process), limit, message))
    }

    fn over_limit(&self, process: Option<ProcessId>, limit: &str, message: String) -> Halt {
        let step = self.case.steps.get(self.current).map_or(self.case.span, |step| step.span);
        let span = process.map_or(step, |process| self.case.processes[process].span);
        let mut problem =
            Problem::new(Kind::Resource, span, message).label(format!("more than `limits: {{{limit}: …}}` allows"));
        problem.logs = match process {
            Some(process) => self.logs.of_process(process),
            None => (0..self.case.processes.len())
                .filter(|process| self.is_running(*process))
                .flat_map(|process| self.logs.of_process(process))
                .collect(),
        };
        Halt::lifecycle(problem)
    }
}
