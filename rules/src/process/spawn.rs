//! Starting a process.
//!
//! `std::process` forks when anything is to be done between fork and exec, and a fork copies the page tables of the
//! whole heap. Here the child shares the memory and the descriptors until it executes, as with vfork, while the parent
//! sleeps: it registers its own pidfd *before* it executes. So no exit can happen unregistered, and the order in which
//! epoll reports exits is the order in which they happened, even when the parent is stopped meanwhile.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::{Child, Watch};

/// What is to be started. Everything is prepared: the child allocates nothing.
#[derive(Debug)]
pub(crate) struct Command {
    /// The file to execute.
    pub(crate) program: CString,
    pub(crate) argv: Vec<CString>,
    /// `NAME=value`.
    pub(crate) env: Vec<CString>,
    /// The directory to start in.
    pub(crate) cwd: CString,
    /// What becomes descriptors 0, 1 and 2.
    pub(crate) stdio: [OwnedFd; 3],
    /// Listening sockets, to become descriptors 3, 4 and so on; `LISTEN_PID` is added when there are any.
    pub(crate) listen: Vec<OwnedFd>,
    /// Resource limits: which, soft, hard.
    pub(crate) limits: Vec<(c_int, u64, u64)>,
}

/// What went wrong when a process was started.
#[derive(Debug)]
pub(crate) enum SpawnError {
    /// The working directory can't be entered.
    Cwd(io::Error),
    /// A limit can't be set.
    Limit(io::Error),
    /// The program can't be executed.
    Exec(io::Error),
    /// The kernel gives no process.
    Clone(io::Error),
}

/// What the child was doing when something failed.
#[derive(Clone, Copy)]
enum Stage {
    Setup,
    Cwd,
    Limit,
    Exec,
}

/// Size of the child's stack until it executes.
const STACK: usize = 32 << 10;

/// `LISTEN_PID=` and room for any process id.
const LISTEN_PID: &[u8] = b"LISTEN_PID=\0\0\0\0\0\0\0\0\0\0\0\0";
const LISTEN_PID_DIGITS: usize = b"LISTEN_PID=".len();

/// Starts processes, one after the other.
#[derive(Debug)]
pub(crate) struct Spawner {
    /// Memory of which nothing was ever used or set, but for its bottom.
    stack: Vec<u128>,
    parent: c_int,
    open_files: Option<libc::rlimit>,
}

/// All that the child needs, in memory that it shares with its parent.
struct Shared {
    parent: c_int,
    epoll: RawFd,
    token: u64,
    /// The child as its parent's descriptor, which the kernel opens before the child runs.
    pidfd: RawFd,
    program: *const c_char,
    argv: *const *const c_char,
    env: *const *const c_char,
    cwd: *const c_char,
    stdio: [RawFd; 3],
    listen: *const RawFd,
    listen_count: usize,
    listen_pid: *mut u8,
    limits: *const (c_int, u64, u64),
    limit_count: usize,
    open_files: Option<libc::rlimit>,
    /// What the child could not do.
    failure: Option<(Stage, c_int)>,
}

impl Spawner {
    /// `open_files` is the limit on descriptors that children get; the spawner's own may be higher.
    pub(crate) fn new(open_files: Option<libc::rlimit>) -> Self {
        // SAFETY: getpid has no preconditions.
        let parent = unsafe { libc::getpid() };
        Self { stack: Vec::with_capacity(STACK / size_of::<u128>()), parent, open_files }
    }

    /// Starts a process. `watch` will report `token` once, when it ends.
    ///
    /// # Errors
    ///
    /// When it can't be started; nothing is left of it then.
    pub(crate) fn spawn(&mut self, command: &Command, watch: &Watch, token: u64) -> Result<Child, SpawnError> {
        let mut listen_pid = LISTEN_PID.to_vec();
        let mut env: Vec<*const c_char> = command.env.iter().map(|s| s.as_ptr()).collect();
        if !command.listen.is_empty() {
            env.push(listen_pid.as_ptr().cast());
        }
        env.push(ptr::null());
        let mut argv: Vec<*const c_char> = command.argv.iter().map(|s| s.as_ptr()).collect();
        argv.push(ptr::null());
        let listen: Vec<RawFd> = command.listen.iter().map(AsRawFd::as_raw_fd).collect();
        let mut shared = Shared {
            parent: self.parent,
            epoll: watch.as_raw_fd(),
            token,
            pidfd: -1,
            program: command.program.as_ptr(),
            argv: argv.as_ptr(),
            env: env.as_ptr(),
            cwd: command.cwd.as_ptr(),
            stdio: [0, 1, 2].map(|i: usize| command.stdio[i].as_raw_fd()),
            listen: listen.as_ptr(),
            listen_count: listen.len(),
            listen_pid: listen_pid.as_mut_ptr(),
            limits: command.limits.as_ptr(),
            limit_count: command.limits.len(),
            open_files: self.open_files,
            failure: None,
        };
        let child = self.clone_child(&mut shared).map_err(SpawnError::Clone)?;
        let Some((stage, errno)) = shared.failure else { return Ok(child) };
        super::reap(&child);
        let error = io::Error::from_raw_os_error(errno);
        Err(match stage {
            Stage::Setup => SpawnError::Clone(error),
            Stage::Cwd => SpawnError::Cwd(error),
            Stage::Limit => SpawnError::Limit(error),
            Stage::Exec => SpawnError::Exec(error),
        })
    }

    /// Returns when the child has executed or is gone.
    fn clone_child(&mut self, shared: &mut Shared) -> io::Result<Child> {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::CLONE_PIDFD | libc::SIGCHLD;
        let shared = ptr::from_mut(shared);
        // SAFETY: the stack is large enough and aligned; nobody uses it or `shared` but the child until this call
        // returns (`CLONE_VFORK`). The child runs only `child`, which neither allocates nor unwinds.
        let (pid, pidfd) = unsafe {
            let top = self.stack.as_mut_ptr().add(self.stack.capacity());
            let pid = libc::clone(child, top.cast(), flags, shared.cast::<c_void>(), &raw mut (*shared).pidfd);
            (pid, (*shared).pidfd)
        };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened this descriptor for us.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        Ok(Child { pid, pidfd, inherited_peak: super::usage::own_peak_memory() })
    }
}

/// What runs in the child, on its own stack and in its parent's memory, until it executes the program.
extern "C" fn child(argument: *mut c_void) -> c_int {
    // SAFETY: `clone_child` passes a `Shared` that is ours alone until we have executed or are gone.
    let shared = unsafe { &mut *argument.cast::<Shared>() };
    // SAFETY: only async-signal-safe system calls on prepared data.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // The parent may have been killed before we asked to die with it.
        if libc::getppid() != shared.parent {
            return 127;
        }
        if !register(shared) || !own_descriptors() {
            return fail(shared, Stage::Setup);
        }
        libc::setpgid(0, 0);
        for (number, fd) in (0..).zip(shared.stdio) {
            libc::dup2(fd, number);
        }
        for i in 0..shared.listen_count {
            libc::dup2(*shared.listen.add(i), 3 + i as c_int);
        }
        if let Some(limit) = &shared.open_files {
            libc::setrlimit(libc::RLIMIT_NOFILE, limit);
        }
        for i in 0..shared.limit_count {
            let (resource, soft, hard) = *shared.limits.add(i);
            let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
            if libc::setrlimit(resource as _, &limit) < 0 {
                return fail(shared, Stage::Limit);
            }
        }
        if shared.listen_count > 0 {
            write_pid(shared.listen_pid.add(LISTEN_PID_DIGITS), libc::getpid());
        }
        if libc::chdir(shared.cwd) < 0 {
            return fail(shared, Stage::Cwd);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
        libc::execve(shared.program, shared.argv, shared.env);
        fail(shared, Stage::Exec)
    }
}

/// Has epoll report our end, once.
unsafe fn register(shared: &Shared) -> bool {
    let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLONESHOT) as u32, u64: shared.token };
    // SAFETY: a plain call with a valid pointer; the descriptors are our parent's, which we share.
    unsafe { libc::epoll_ctl(shared.epoll, libc::EPOLL_CTL_ADD, shared.pidfd, &raw mut event) == 0 }
}

/// Makes the descriptors our own: those that the program is not given are closed when it is executed. `close_range` is
/// asked first, for containers allow it and may refuse `unshare`; old kernels lack it, but all of foresee's own
/// descriptors are close-on-exec anyway.
unsafe fn own_descriptors() -> bool {
    let flags = libc::CLOSE_RANGE_UNSHARE | libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: plain calls; nothing is closed yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3, c_int::MAX, flags) == 0 || libc::unshare(libc::CLONE_FILES) == 0 }
}

/// Tells the parent what failed. The return value is the child's exit code.
fn fail(shared: &mut Shared, stage: Stage) -> c_int {
    shared.failure = Some((stage, io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)));
    127
}

/// Writes `pid` in decimal, with a final NUL.
unsafe fn write_pid(to: *mut u8, pid: c_int) {
    let mut digits = [0u8; 10];
    let mut rest = pid.unsigned_abs();
    let mut count = 0;
    while rest > 0 || count == 0 {
        digits[count] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        count += 1;
    }
    for i in 0..count {
        // SAFETY: `LISTEN_PID` has room for ten digits and a NUL.
        unsafe { *to.add(i) = digits[count - 1 - i] };
    }
    // SAFETY: as above.
    unsafe { *to.add(count) = 0 };
}

impl SpawnError {
    /// The error of the kernel.
    pub(crate) fn io(&self) -> &io::Error {
        match self {
            Self::Cwd(error) | Self::Limit(error) | Self::Exec(error) | Self::Clone(error) => error,
        }
    }
}

/// `text` for the kernel; what follows a NUL is lost, so the manifest's reader refuses NUL.
pub(crate) fn c_string(text: impl Into<Vec<u8>>) -> CString {
    CString::new(text).unwrap_or_else(|error| {
        let bytes = error.into_vec();
        CStr::from_bytes_until_nul(&bytes).map(CStr::to_owned).unwrap_or_default()
    })
}
