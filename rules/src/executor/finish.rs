//! The end of a case: nothing may be left.

use std::time::{Duration, Instant};

use super::{Executor, Halt, State, Step};
use crate::case::{LIFECYCLE, Orphans, Stream};
use crate::outcome::{Kind, LogExcerpt, Problem, Verdict};
use crate::process;

/// How long a descendant may outlive the last step (contract, section 3).
const ORPHAN_GRACE: Duration = Duration::from_millis(500);

impl Executor<'_> {
    /// Ends everything, and judges what was left over. The first cause stands: `result`, where it is a failure already.
    pub(super) fn finish(&mut self, result: Step) -> Step {
        let result = result.and_then(|()| self.catch_up());
        if result.is_err() {
            // Ending what runs may take a while.
            self.channel.flush();
        }
        let left = self.left_over();
        self.kill_all();
        let result = result.and(left);
        let orphans = match (&result, self.case.sandbox.orphans) {
            (Ok(()), Orphans::Fail) => self.await_orphans(),
            _ => Ok(()),
        };
        process::kill_children(Duration::from_secs(5));
        let result = result.and(orphans).and_then(|()| self.check_all_logs());
        let result = self.check_disk(result);
        match &result {
            Ok(()) => self.judged(LIFECYCLE, Verdict::Passed),
            Err(halt) if halt.check == LIFECYCLE => {}
            Err(halt) => {
                let reason = format!("the case ended at `{}`", self.case.checks[halt.check].name);
                self.judged(LIFECYCLE, Verdict::Skipped(reason));
            }
        }
        result
    }

    /// What still runs, or ended and was never waited for.
    fn left_over(&self) -> Step {
        // Whether one of them had ended by itself depends on the moment, so nothing is said of it.
        let left: Vec<_> = (0..self.states.len())
            .filter(|id| matches!(self.states[*id], State::Running(_) | State::Ended(..)))
            .collect();
        let Some(first) = left.first() else { return Ok(()) };
        let names: Vec<_> = left.iter().map(|id| format!("`{}`", self.case.processes[*id].name)).collect();
        let were = if names.len() == 1 { "was" } else { "were" };
        let message = format!("{} {were} never waited for", names.join(", "));
        let mut problem =
            Problem::new(Kind::StillRunning, self.case.processes[*first].span, message).label("nothing waits for it");
        problem.logs = self.logs.of_process(*first);
        Err(Halt::lifecycle(problem))
    }

    /// SIGKILL to every process that is left, and to its group; then all of them are reaped.
    pub(super) fn kill_all(&mut self) {
        for state in &self.states {
            if let State::Running(child) | State::Ended(child, _) = state {
                process::kill_group(child);
                // A process that has left its own group.
                let _ = process::send_signal(child, libc::SIGKILL);
            }
        }
        for id in 0..self.states.len() {
            if let State::Running(child) | State::Ended(child, _) =
                std::mem::replace(&mut self.states[id], State::Reaped)
            {
                self.watch.forget(&child.pidfd);
                let exit = process::peek_exit(&child);
                process::reap(&child);
                if exit.is_none() {
                    let record = crate::outcome::ProcessRecord { process: id, pid: child.pid, exit: None };
                    self.channel.send(&super::Event::Process(record));
                }
            }
        }
    }

    /// Gives descendants half a second to end, then calls them orphaned.
    fn await_orphans(&mut self) -> Step {
        let until = Instant::now() + ORPHAN_GRACE;
        loop {
            while process::reap_any(|_| false) {}
            if !process::children_left() {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.channel.flush();
            let _ = self.watch.wait(left);
            self.channel.drain_child_signals();
        }
        let names = process::children_names();
        if names.is_empty() {
            // The last of them has ended just now.
            return Ok(());
        }
        let what = if names.len() == 1 { "a descendant" } else { "descendants" };
        let message = format!("{what} outlived the case: {}", names.join(", "));
        let problem = Problem::new(Kind::Orphaned, self.case.span, message)
            .label("left a process behind")
            .detail("help", "wait for it, or allow it: `sandbox: {orphans: reap}`");
        Err(Halt::lifecycle(problem))
    }

    /// The last look at the sizes: what was printed between the last tick and the end counts, too.
    fn check_all_logs(&self) -> Step {
        (0..self.states.len()).try_for_each(|process| self.check_log_size(process))
    }

    /// A full disk makes every other verdict worthless: logs are cut off, programs fail for no reason of their own.
    fn check_disk(&self, result: Step) -> Step {
        if self.states.is_empty() && self.case.inputs.is_empty() {
            return result;
        }
        let free = nix::sys::statvfs::statvfs(self.logs.dir()).map(|fs| (fs.blocks_available(), fs.blocks()));
        if !matches!(free, Ok((0, blocks)) if blocks > 0) {
            return result;
        }
        let mut problem = Problem::new(Kind::Internal, self.case.span, "the disk of the sandbox directory is full");
        if let Err(halt) = &result {
            problem = problem.detail("also", halt.problem.message.clone());
        }
        problem.logs = (0..self.states.len())
            .flat_map(|process| [Stream::Stdout, Stream::Stderr].map(|stream| (process, stream)))
            .filter(|(process, stream)| self.logs.size(*process, *stream) > 0)
            .map(|(process, stream)| LogExcerpt::whole(Some(process), self.logs.file_name(process, stream)))
            .collect();
        Err(Halt::lifecycle(problem))
    }
}
