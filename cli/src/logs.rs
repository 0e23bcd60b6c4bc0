//! `foresee logs`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use foresee_rules::artifacts::{LogEntry, gc, read_index, verify};

use crate::args::{LogsCommand, LogsOptions};
use crate::environment::Environment;
use crate::exit::{FAILED, HELD, USAGE, fail};

/// Looks at kept logs. Returns the exit status.
pub(crate) fn logs(typed: &LogsOptions, environment: &Environment) -> u8 {
    let (LogsCommand::Ls(dir) | LogsCommand::Cat { dir, .. } | LogsCommand::Verify(dir) | LogsCommand::Gc(dir)) =
        &typed.command;
    let shown = dir.output_dir.as_deref().unwrap_or(Path::new("foresee-out"));
    let dir = environment.cwd.join(shown);
    let index = match read_index(&dir) {
        Ok(index) => index,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let shown = shown.display();
            return fail(USAGE, format_args!("no logs are kept in `{shown}`: a run keeps those of cases that failed"));
        }
        Err(error) => return fail(USAGE, error),
    };
    let done = match &typed.command {
        LogsCommand::Ls(_) => ls(&index.logs),
        LogsCommand::Cat { which, .. } => cat(&dir, &index.logs, which),
        LogsCommand::Verify(_) => verify_all(&dir),
        LogsCommand::Gc(_) => collect(&dir),
    };
    done.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => HELD,
        _ => fail(USAGE, error),
    })
}

fn ls(logs: &[LogEntry]) -> io::Result<u8> {
    let mut stdout = io::stdout().lock();
    for log in logs {
        let digest = log.digest.strip_prefix("sha256:").unwrap_or(&log.digest);
        writeln!(stdout, "{:.12}  {:>10}  {}", digest, log.size, name(log))?;
    }
    Ok(HELD)
}

/// `CLASSNAME/PROCESS.STREAM`, with the attempt where there were several.
fn name(log: &LogEntry) -> String {
    log.path.trim_start_matches("failed/").trim_end_matches(".txt").to_owned()
}

fn cat(dir: &Path, logs: &[LogEntry], which: &str) -> io::Result<u8> {
    let digest = which.strip_prefix("sha256:").unwrap_or(which);
    let is_digest = digest.len() >= 4 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    let by_digest = |log: &&LogEntry| is_digest && log.digest.trim_start_matches("sha256:").starts_with(digest);
    let by_name = |log: &&LogEntry| name(log) == which || name(log).ends_with(&format!("/{which}"));
    let mut found: Vec<_> = logs.iter().filter(|log| by_digest(log) || by_name(log)).collect();
    let mut seen = HashSet::new();
    found.retain(|log| seen.insert(&log.digest));
    match found.as_slice() {
        [log] => {
            let blob = dir.join("logs/blobs/sha256").join(log.digest.trim_start_matches("sha256:"));
            let mut file = File::open(&blob)
                .map_err(|error| io::Error::other(format!("`{}` can't be read: {error}", blob.display())))?;
            io::copy(&mut file, &mut io::stdout().lock())?;
            Ok(HELD)
        }
        [] => Ok(fail(USAGE, format_args!("no kept log is `{which}`; `foresee logs ls` lists them"))),
        several => {
            let names: Vec<_> = several.iter().map(|log| format!("  {}", name(log))).collect();
            Ok(fail(USAGE, format_args!("`{which}` may be any of these:\n{}", names.join("\n"))))
        }
    }
}

fn verify_all(dir: &Path) -> io::Result<u8> {
    let (count, wrong) = verify(dir)?;
    let mut stdout = io::stdout().lock();
    for line in &wrong {
        writeln!(stdout, "{line}")?;
    }
    writeln!(stdout, "{count} blobs, {} wrong", wrong.len())?;
    Ok(if wrong.is_empty() { HELD } else { FAILED })
}

fn collect(dir: &Path) -> io::Result<u8> {
    let (count, bytes) = gc(dir)?;
    writeln!(io::stdout().lock(), "removed {count} blobs, {bytes} bytes")?;
    Ok(HELD)
}
