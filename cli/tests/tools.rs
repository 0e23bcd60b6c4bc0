//! Tools that the tests need, and what a missing one means: a failure that names the command which installs it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{PATH, repository};

/// A program of Debian's.
pub(crate) fn tool(name: &str) -> Command {
    let found = env::split_paths(PATH).map(|dir| dir.join(name)).find(|path| path.is_file());
    let mut command = Command::new(found.unwrap_or_else(|| missing(name)));
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
    command
}

/// A Python with what comes from PyPI.
pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new(installed("venv/bin/python"));
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").arg(repository().join("cli/tests").join(script));
    command
}

/// A file in the directory that `.ci/install` fills.
pub(crate) fn installed(path: &str) -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache"))).unwrap_or_default();
    let path = cache.join("foresee-ci").join(path);
    if path.exists() { path } else { missing(&path.display().to_string()) }
}

fn missing(what: &str) -> ! {
    panic!("{what} is missing: `.ci/install` installs what the tests need")
}

/// Runs a tool; what it printed when it succeeded.
pub(crate) fn output_of(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the tool can be executed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(status.success(), "{command:?}: {status}\n{}{}", text(&stdout), text(&stderr));
    text(&stdout)
}
