//! Processes as the kernel knows them: starting them, seeing their exits in order, signalling them, reaping them.
//!
//! Everything that talks to the kernel about processes is here, and nothing that knows plans.

mod fds;
mod search;
mod spawn;
mod usage;
mod wait;
mod watch;

pub(crate) use fds::{close_inherited, ensure_standard_fds, high, raise_open_files};
pub(crate) use search::{NotExecutable, find_program};
pub(crate) use spawn::{Command, SpawnError, Spawner, c_string};
pub(crate) use usage::{hard_limit_of_processes, peak_memory, usage_of_descendants};
pub(crate) use wait::{
    become_subreaper, children_left, children_names, is_ignored, kill_children, kill_children_but, kill_group,
    kill_pid, peek_exit, reap, reap_any, reap_next, reset_signals, send_signal, unignore,
};
pub(crate) use watch::{BATCH, Watch};

use std::os::fd::OwnedFd;

/// A process that was started and not yet reaped.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    /// Bytes of memory that the kernel charges to it though they were ours: the child of a clone that shares memory takes
    /// over the peak of its parent when it executes.
    pub(crate) inherited_peak: u64,
}
