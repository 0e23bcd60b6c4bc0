//! Logs: limits, full disks, odd bytes, odd names, secrets.

use std::fs;
use std::process::{Command, Stdio};

use super::{children, files, run};
use crate::support::{PATH, Place};

/// The most memory that a process has had so far, in KiB.
fn peak_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

#[test]
fn a_program_that_prints_without_end_meets_the_log_limit_and_memory_stays_flat() {
    let place = Place::with_manifest(
        "limits: {log: 1MiB}
test_it:
  - run: ['yes', so it goes on]
    timeout: 100s
",
    );
    let mut foresee = place.foresee(&["run", "--isolation", "none"]).stdout(Stdio::null()).spawn().expect("foresee");
    let pid = foresee.id().cast_signed();
    let mut peak = 0;
    while foresee.try_wait().expect("it can be waited for").is_none() {
        let all = children(pid).into_iter().flat_map(|child| children(child).into_iter().chain([child]));
        peak = all.chain([pid]).map(peak_memory).max().unwrap_or(0).max(peak);
    }
    assert_eq!(
        place.verdicts(),
        "failure log-limit  test.yml :: test_it :: lifecycle\nskipped  test.yml :: test_it :: run yes: status\n"
    );
    assert!((1..48 << 10).contains(&peak), "{peak} KiB");
    let kept = place.read("foresee-out/failed/test.test_it/yes.stdout.txt");
    assert!(kept.len() < (1 << 20) + 200, "{}", kept.len());
    assert!(kept.starts_with("so it goes on\n") && kept.contains("bytes left out by foresee"));
    assert!(kept[kept.len() - 100..].contains("so it goes on\n"));
}

#[test]
fn a_full_disk_is_the_machines_fault_and_the_report_is_still_written() {
    let place = Place::with_manifest(
        "test_it:
  - run: [sh, -c, 'yes > big']
test_logs:
  - run: ['yes']
",
    );
    let script = format!(
        "mount -t tmpfs -o size=512k,mode=0700 tmpfs {0} && exec {1} run --isolation none --jobs 1 --sandbox-dir {0}",
        place.tmp().display(),
        env!("CARGO_BIN_EXE_foresee")
    );
    let mut command = Command::new("unshare");
    if !nix::unistd::Uid::effective().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--mount", "sh", "-c", &script])
        .current_dir(place.cwd())
        .env_clear()
        .env("PATH", format!("{PATH}:/usr/sbin:/sbin"))
        .output()
        .expect("`unshare` is there: apt-get install util-linux");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "a tmpfs can be mounted by root or in a user namespace: {told}");
    assert_eq!(
        place.verdicts(),
        "error internal  test.yml :: test_it :: lifecycle
skipped  test.yml :: test_it :: run sh: status
error internal  test.yml :: test_logs :: lifecycle
skipped  test.yml :: test_logs :: run yes: status
"
    );
    assert!(place.read("foresee-out/junit.xml").contains("disk of the sandbox directory is full"));
}

/// Whether XML 1.0 allows a character.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[test]
fn whatever_a_program_prints_is_kept_to_the_byte_and_reported_in_legal_xml() {
    let place = Place::with_manifest(
        "test_it:
  - run: [cat, '${manifest}/odd.bin']
    assert_stdout: plain
  - run: [sh, -c, 'cat \"$1\" >&2; exit 1', sh, '${manifest}/odd.bin']
",
    );
    let odd = b"\0one\x1b[31mred\x1b[0m ]]> <&\"' \xff\xfe\xc3( \x7f\x08 \xed\xa0\x80\r\nlast \xef\xbf\xbf";
    place.write("odd.bin", odd);
    let (code, _) = run(&place, &[]);
    assert_eq!(code, 1);
    for log in ["cat.stdout", "sh.stderr"] {
        let path = place.cwd().join(format!("foresee-out/failed/test.test_it/{log}.txt"));
        assert_eq!(fs::read(path).expect("a kept log"), odd);
    }
    let (verified, _) = {
        let output = place.run(&["logs", "verify"]);
        (output.status.code(), output.stdout)
    };
    assert_eq!(verified, Some(0));
    let xml = place.read("foresee-out/junit.xml");
    assert!(xml.chars().all(is_xml));
    let mut reader = quick_xml::Reader::from_str(&xml);
    reader.config_mut().check_end_names = true;
    let mut texts = String::new();
    loop {
        match reader.read_event().expect("well-formed") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Text(text) => texts.push_str(&text),
            quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                for attribute in start.attributes() {
                    attribute.expect("a well-formed attribute");
                }
            }
            _ => {}
        }
    }
    assert!(!xml.contains("]]>") && texts.contains("red"), "{xml}");
}

#[test]
fn odd_names_of_processes_stay_inside_the_log_directory() {
    let long = "n".repeat(300);
    let place = Place::with_manifest(&format!(
        "test_it:
  - run: {{as: ../../x, argv: [echo, up]}}
  - run: {{as: a/b, argv: [echo, slash]}}
  - run: {{as: a_b, argv: [echo, underscore]}}
  - run: {{as: {long}, argv: [echo, long]}}
  - run: {{as: {long}m, argv: [echo, longer]}}
  - run: {{as: echo-1, argv: [echo, claimed]}}
  - run: [echo, first]
  - run: [echo, second]
  - run: {{as: Echo, argv: [echo, case]}}
  - run: {{as: .., argv: [echo, dots]}}
  - run: {{as: ' sp ace ', argv: [echo, space]}}
"
    ));
    let (code, told) = run(&place, &["--keep-logs", "always"]);
    assert_eq!(code, 0, "{told}");
    let kept = files(&place.cwd().join("foresee-out/failed/test.test_it"));
    assert_eq!(kept.len(), 22, "{kept:?}");
    assert!(kept.iter().all(|name| !name.contains('/') && name.len() < 150), "{kept:?}");
    let said: Vec<_> = kept.iter().filter(|name| name.ends_with(".stdout.txt")).collect();
    let said: std::collections::BTreeSet<_> =
        said.iter().map(|name| place.read(&format!("foresee-out/failed/test.test_it/{name}"))).collect();
    assert_eq!(said.len(), 11, "{said:?}");
    assert_eq!(place.read("foresee-out/failed/test.test_it/echo-1.stdout.txt"), "claimed\n");
    assert_eq!(place.read("foresee-out/failed/test.test_it/echo-2.stdout.txt"), "second\n");
    let outside =
        files(&place.cwd()).into_iter().filter(|name| name != "test.yml" && !name.starts_with("foresee-out/"));
    assert_eq!(outside.count(), 0);
    assert!(place.is_clean());
}

#[test]
fn secrets_appear_nowhere() {
    const SECRET: &str = "s3cr\"et-Zebra";
    const OTHER: &str = "declared-Okapi";
    let place = Place::with_manifest(&format!(
        "inherit_env: [TOKEN]
secrets: [TOKEN, OTHER]
env: {{OTHER: {OTHER}}}
test_it:
  - run: [sh, -c, 'echo \"<$TOKEN> <$OTHER>\"; echo \"{{\\\"t\\\": \\\"$OTHER\\\"}}\" >&2']
    assert_stdout: something else
    assert_stdout_contains: missing
    assert_stdout_json: {{a: 1}}
    assert_stderr_json: {{t: other}}
    assert_stdout_matches: 'x$'
  - run: [sh, -c, 'echo $TOKEN $OTHER; exit 3']
"
    ));
    let output =
        place.foresee(&["run", "--isolation", "none"]).env("TOKEN", SECRET).output().expect("foresee can be executed");
    assert_eq!(output.status.code(), Some(1));
    let is_told = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.contains("Zebra") || text.contains("Okapi")
    };
    assert!(!is_told(&output.stdout) && !is_told(&output.stderr), "{}", String::from_utf8_lossy(&output.stdout));
    for name in files(&place.cwd().join("foresee-out")) {
        let bytes = fs::read(place.cwd().join("foresee-out").join(&name)).expect("readable");
        assert!(!is_told(&bytes), "{name}: {}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(place.read("foresee-out/failed/test.test_it/sh.stdout.txt"), "<***> <***>\n");
}
