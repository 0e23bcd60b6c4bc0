//! The yardstick of a plan: `spawn-loop COUNT PROGRAM` starts PROGRAM and waits for it, COUNT times, each with two new log
//! files, and does nothing else.

use std::error::Error;
use std::ffi::CString;

use nix::fcntl::{OFlag, open};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::stat::Mode;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(count), Some(program)) = (args.next(), args.next()) else { return Err("COUNT PROGRAM".into()) };
    let dir = tempfile::tempdir()?;
    let argv = [CString::new(program.as_str())?];
    let env: [CString; 0] = [];
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    for number in 0..count.parse()? {
        let log =
            |stream| open(&dir.path().join(format!("noop-{number}.{stream}")), flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let (stdout, stderr): (_, _) = (log("stdout")?, log("stderr")?);
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_dup2(std::os::fd::AsRawFd::as_raw_fd(&stdout), 1)?;
        actions.add_dup2(std::os::fd::AsRawFd::as_raw_fd(&stderr), 2)?;
        let attributes = PosixSpawnAttr::init()?;
        let child = posix_spawn(argv[0].as_c_str(), &actions, &attributes, &argv, &env)?;
        match waitid(Id::Pid(child), WaitPidFlag::WEXITED)? {
            WaitStatus::Exited(_, 0) => {}
            other => return Err(format!("{program}: {other:?}").into()),
        }
    }
    Ok(())
}
