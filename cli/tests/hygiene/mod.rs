//! What foresee promises about processes, whatever they, the caller or the machine do.

mod bazel;
mod exits;
mod flags;
mod inherited;
mod killed;
mod logs;
mod ports;
mod shared;
mod signals;
mod stage;
mod turns;

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Place, repository};

/// How long a test waits for what must come. Long: it bounds a hang and says nothing about speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Without namespaces: what is tested here must hold on every machine.
const RUN: &[&str] = &["run", "--isolation", "none"];

/// Runs `test.yml` with more arguments; what foresee printed, with its exit code.
fn run(place: &Place, args: &[&str]) -> (i32, String) {
    let output = place.run(&[RUN, args].concat());
    let code = output.status.code().expect("foresee ends with a code");
    (code, String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A number of seconds to `sleep` that no other test's process has: by it a process is found again.
fn unique_sleep(seconds: u32) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{seconds}.0{:07}{:04}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The processes that have `token` among their arguments.
fn processes_with(token: &str) -> Vec<i32> {
    processes_with_in(token, all_processes())
}

fn processes_with_in(token: &str, among: impl IntoIterator<Item = i32>) -> Vec<i32> {
    let has = |pid: &i32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.windows(token.len()).any(|window| window == token.as_bytes())
    };
    among.into_iter().filter(has).collect()
}

/// Fails when a process with `token` among its arguments is left.
#[track_caller]
fn assert_gone(token: &str) {
    let left = processes_with(token);
    assert!(left.is_empty(), "{left:?} with {token} are left");
}

fn all_processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The children of a process.
fn children(of: i32) -> Vec<i32> {
    let parent = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default().to_owned();
        after.split_whitespace().nth(1).and_then(|ppid| ppid.parse().ok()) == Some(of)
    };
    all_processes().into_iter().filter(parent).collect()
}

/// The state of a process as one letter; nothing when there is no such process.
fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// A number that differs from run to run.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A program of `cli/tests/programs`, compiled once.
fn program(name: &str) -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let dir = MADE.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("programs-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a writable directory");
        for source in fs::read_dir(repository().join("cli/tests/programs")).expect("the programs") {
            let status = Command::new("rustc")
                .args(["--edition", "2024", "--out-dir"])
                .arg(&dir)
                .arg(source.expect("an entry").path())
                .status();
            assert!(status.expect("`rustc` comes with the Rust toolchain: https://rustup.rs").success());
        }
        dir
    });
    dir.join(name)
}

/// Every file below a directory, relative to it.
fn files(below: &Path) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut dirs = vec![below.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => dirs.push(entry.path()),
                _ => {
                    let path = entry.path();
                    found.insert(path.strip_prefix(below).expect("it is below").display().to_string());
                }
            }
        }
    }
    found
}
