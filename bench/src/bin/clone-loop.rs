//! `clone-loop COUNT PROGRAM [ARGUMENT]...`
//!
//! COUNT times: a process in namespaces of its own, as foresee's executors have them, that starts the program with an output
//! file for each stream, waits for it and ends. The least that an isolated case could take.

use std::error::Error;
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

const FLAGS: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP
    | libc::SIGCHLD;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [count, program, rest @ ..] = args.as_slice() else { return Err("COUNT PROGRAM [ARGUMENT]...".into()) };
    let dir = tempfile::tempdir()?;
    for number in 0..count.parse()? {
        let output = |stream: &str| std::fs::File::create_new(dir.path().join(format!("{number}.{stream}")));
        let (stdout, stderr) = (output("stdout")?, output("stderr")?);
        // SAFETY: without CLONE_VM this is a fork of a process with one thread.
        let child = unsafe { libc::syscall(libc::SYS_clone, FLAGS, 0, 0, 0, 0) };
        if child == 0 {
            let mut command = Command::new(program);
            let status = command.args(rest).stdin(Stdio::null()).stdout(stdout).stderr(stderr).status();
            // SAFETY: nothing of the parent's may be run or flushed.
            unsafe { libc::_exit(if status.is_ok_and(|status| status.success()) { 0 } else { 1 }) }
        }
        if child < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        match waitpid(Pid::from_raw(i32::try_from(child)?), None)? {
            WaitStatus::Exited(_, 0) => {}
            other => return Err(format!("{program}: {other:?}").into()),
        }
    }
    Ok(())
}
