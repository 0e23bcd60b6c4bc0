//! Starting a process.
//!
//! `std::process` forks when anything is to be done between fork and exec, and a fork copies the page tables of the
//! whole heap. Here the child shares the memory (`CLONE_VM`) until it executes, as with vfork, but the parent goes on: it
//! registers the child's pidfd *before* the child may execute. So no exit can happen unregistered, and the order in which
//! epoll reports exits is the order in which they happened, whatever the parent is doing.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Child;
use super::fds::{high, pipe};

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

/// What the child does when something fails, as it tells the parent.
#[repr(u8)]
enum Stage {
    Cwd = 1,
    Limit = 2,
    Exec = 3,
}

/// How often the child looks at the gate before it sleeps: some microseconds.
const SPINS: u32 = 200;

/// Size of the child's stack until it executes.
const STACK: usize = 64 << 10;

/// `LISTEN_PID=` and room for any process id.
const LISTEN_PID: &[u8] = b"LISTEN_PID=\0\0\0\0\0\0\0\0\0\0\0\0";
const LISTEN_PID_DIGITS: usize = b"LISTEN_PID=".len();

/// Starts processes, one after the other.
#[derive(Debug)]
pub(crate) struct Spawner {
    stack: Vec<u128>,
    parent: c_int,
    open_files: Option<libc::rlimit>,
}

/// All that the child needs, in memory that it shares with its parent.
struct Shared {
    gate: AtomicU32,
    parent: c_int,
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
    status: RawFd,
}

impl Spawner {
    /// `open_files` is the limit on descriptors that children get; the spawner's own may be higher.
    pub(crate) fn new(open_files: Option<libc::rlimit>) -> Self {
        // SAFETY: getpid has no preconditions.
        let parent = unsafe { libc::getpid() };
        Self { stack: vec![0; STACK / size_of::<u128>()], parent, open_files }
    }

    /// Starts a process. `register` gets its pidfd before it executes.
    ///
    /// # Errors
    ///
    /// When it can't be started; nothing is left of it then.
    pub(crate) fn spawn(
        &mut self,
        command: &Command,
        register: impl FnOnce(&Child) -> io::Result<()>,
    ) -> Result<Child, SpawnError> {
        let mut listen_pid = LISTEN_PID.to_vec();
        let mut env: Vec<*const c_char> = command.env.iter().map(|s| s.as_ptr()).collect();
        if !command.listen.is_empty() {
            env.push(listen_pid.as_ptr().cast());
        }
        env.push(ptr::null());
        let mut argv: Vec<*const c_char> = command.argv.iter().map(|s| s.as_ptr()).collect();
        argv.push(ptr::null());
        let listen: Vec<RawFd> = command.listen.iter().map(AsRawFd::as_raw_fd).collect();
        let (status_reader, status_writer) = pipe().and_then(|(r, w)| Ok((r, high(w)?))).map_err(SpawnError::Clone)?;
        let shared = Shared {
            gate: AtomicU32::new(0),
            parent: self.parent,
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
            status: status_writer.as_raw_fd(),
        };
        let child = self.clone_child(&shared).map_err(SpawnError::Clone)?;
        let registered = register(&child);
        // From here on the child may execute. (Also when registering failed: it is killed below, and must not wait.)
        shared.gate.store(1, Ordering::Release);
        futex_wake(&shared.gate);
        drop(status_writer);
        // The end of file comes when the child has executed or is gone: only then may `shared` and the stack be used again.
        let mut report = Vec::new();
        let read = File::from(status_reader).read_to_end(&mut report);
        let error = match (registered, read) {
            (Err(error), _) | (_, Err(error)) => Some(SpawnError::Clone(error)),
            _ => decode(&report),
        };
        let Some(error) = error else { return Ok(child) };
        let _ = super::send_signal(&child, libc::SIGKILL);
        super::reap(&child);
        Err(error)
    }

    fn clone_child(&mut self, shared: &Shared) -> io::Result<Child> {
        let mut pidfd: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_PIDFD | libc::SIGCHLD;
        // SAFETY: the stack is large enough, aligned, and not used by another child (`spawn` waits until a child has
        // left it); `shared` and `pidfd` outlive the child's use of them for the same reason. The child runs only
        // `child`, which neither allocates nor unwinds.
        let pid = unsafe {
            let top = self.stack.as_mut_ptr().add(self.stack.len());
            libc::clone(
                child,
                top.cast(),
                flags,
                ptr::from_ref(shared).cast_mut().cast::<c_void>(),
                ptr::from_mut(&mut pidfd),
            )
        };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened this descriptor for us.
        Ok(Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })
    }
}

fn decode(report: &[u8]) -> Option<SpawnError> {
    let (stage, errno) = report.split_first()?;
    let errno = errno.try_into().map(i32::from_ne_bytes).unwrap_or(libc::EIO);
    let error = io::Error::from_raw_os_error(errno);
    Some(match *stage {
        stage if stage == Stage::Cwd as u8 => SpawnError::Cwd(error),
        stage if stage == Stage::Limit as u8 => SpawnError::Limit(error),
        _ => SpawnError::Exec(error),
    })
}

/// What runs in the child, on its own stack and in its parent's memory, until it executes the program.
extern "C" fn child(argument: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a `Shared` that it keeps until we have executed or are gone.
    let shared = unsafe { &*argument.cast::<Shared>() };
    // SAFETY: only async-signal-safe system calls on prepared data.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        wait_at_gate(shared);
        libc::setpgid(0, 0);
        let [stdin, stdout, stderr] = shared.stdio;
        libc::dup2(stdin, 0);
        libc::dup2(stdout, 1);
        libc::dup2(stderr, 2);
        let mut next: c_int = 3;
        for i in 0..shared.listen_count {
            libc::dup2(*shared.listen.add(i), next);
            next += 1;
        }
        // Old kernels lack the flag; then all of our own descriptors are close-on-exec anyway.
        libc::syscall(libc::SYS_close_range, next, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC);
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

/// Waits until the parent has registered us; gives up when the parent is gone.
unsafe fn wait_at_gate(shared: &Shared) {
    // It takes the parent a system call; to sleep and be woken would take longer.
    for _ in 0..SPINS {
        if shared.gate.load(Ordering::Acquire) != 0 {
            return;
        }
        std::hint::spin_loop();
    }
    while shared.gate.load(Ordering::Acquire) == 0 {
        let timeout = libc::timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        // SAFETY: the futex word lives in `shared`.
        unsafe {
            libc::syscall(libc::SYS_futex, shared.gate.as_ptr(), libc::FUTEX_WAIT, 0, &raw const timeout);
            if libc::getppid() != shared.parent {
                libc::_exit(127);
            }
        }
    }
    // The parent may have opened the gate and died before we asked to die with it.
    // SAFETY: plain calls.
    unsafe {
        if libc::getppid() != shared.parent {
            libc::_exit(127);
        }
    }
}

fn futex_wake(word: &AtomicU32) {
    // SAFETY: the word is valid; waking nobody is fine.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

/// Tells the parent what failed. The return value is the child's exit code.
unsafe fn fail(shared: &Shared, stage: Stage) -> c_int {
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0).to_ne_bytes();
    let report = [stage as u8, errno[0], errno[1], errno[2], errno[3]];
    // SAFETY: a plain write of a local buffer; nothing could be done about its failure.
    unsafe { libc::write(shared.status, report.as_ptr().cast(), report.len()) };
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
