//! Processes whose ends the test decides, one at a time and in a known order.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::OFlag;
use tempfile::TempDir;

use super::signals::send;
use super::{state, until};

/// Where the processes are told when to end. Each has a fifo there, and says who it is in a file.
pub(super) struct Stage {
    dir: TempDir,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    fn fifo(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The words of a process of that name, as a manifest writes them.
    pub(super) fn argv(&self, name: &str) -> String {
        let fifo = self.fifo(name);
        if !fifo.exists() {
            nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
        }
        let script =
            "echo $$ $PPID > \"$0.new\"; mv \"$0.new\" \"$0.pid\"; echo up; read -r code < \"$0\"; exit \"$code\"";
        format!("[sh, -c, '{script}', '{}']", fifo.display())
    }

    fn ids(&self, name: &str) -> Option<(i32, i32)> {
        let said = fs::read_to_string(self.fifo(name).with_extension("pid")).ok()?;
        let (pid, parent) = said.trim().split_once(' ')?;
        Some((pid.parse().ok()?, parent.parse().ok()?))
    }

    pub(super) fn is_started(&self, name: &str) -> bool {
        self.ids(name).is_some()
    }

    /// The executor: the parent of a process that has started.
    pub(super) fn executor(&self, name: &str) -> i32 {
        self.ids(name).expect("it has started").1
    }

    /// Whether the process has ended, reaped or not.
    pub(super) fn has_ended(&self, name: &str) -> bool {
        let Some((pid, _)) = self.ids(name) else { return false };
        let mark = self.fifo(name).display().to_string();
        // One that is ending loses its arguments before its parent is told of the end; its id may be another's by now.
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let is_another = !arguments.is_empty() && !String::from_utf8_lossy(&arguments).contains(&mark);
        is_another || matches!(state(pid), None | Some('Z' | 'X'))
    }

    /// Has the process end with `code`, and waits until it has.
    pub(super) fn tell(&self, name: &str, code: u8) {
        until(&format!("{name} listens"), || {
            // Without a reader there is nothing to write to yet.
            let open = fs::OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(self.fifo(name));
            open.is_ok_and(|mut fifo| writeln!(fifo, "{code}").is_ok())
        });
        until(&format!("{name} has ended"), || self.has_ended(name));
    }
}

/// Stops a process, and waits until it has.
pub(super) fn stop(pid: i32) {
    send(pid, "STOP");
    until("it has stopped", || state(pid) == Some('T'));
}
