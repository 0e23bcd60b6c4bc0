//! What the caller leaves lying about, and what processes get of it: nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use super::run;
use crate::support::{PATH, Place};

/// Says everything that a process could inherit.
const TELL: &str = "test_it:
  - run: {as: status, argv: [cat, /proc/self/status]}
    assert_stdout_matches: ['SigBlk:\\s0+\\n', 'SigIgn:\\s0+\\n', 'SigCgt:\\s0+\\n', 'SigPnd:\\s0+\\n']
  - run: {as: fds, argv: [sh, -c, 'ls /proc/$$/fd']}
    assert_stdout: \"0\\n1\\n2\"
  - run: {as: stdin, argv: [sh, -c, 'readlink /proc/$$/fd/0']}
    assert_stdout: /dev/null
  - run: {as: code, argv: [sh, -c, 'exit 7']}
    status: 7
  - run: {as: signal, argv: [sh, -c, 'kill -PIPE $$']}
    status: SIGPIPE
";

#[test]
fn what_the_caller_has_set_up_badly_does_not_reach_the_children() {
    let place = Place::with_manifest(TELL);
    let open: Vec<_> = (3..=9).map(|fd| format!("{fd}</dev/null")).collect();
    let foresee = format!("exec {} run --isolation none <&- {}", env!("CARGO_BIN_EXE_foresee"), open.join(" "));
    let output = Command::new("env")
        .args(["--ignore-signal=PIPE,CHLD,INT,HUP,TERM,QUIT,USR1", "--block-signal", "sh", "-c", &foresee])
        .current_dir(place.cwd())
        .env_clear()
        .env("PATH", PATH)
        .env("TMPDIR", place.tmp())
        .stdin(Stdio::null())
        .output()
        .expect("`env` and `sh` exist everywhere");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(place.results()["counts"]["tests"], 9);
}

#[test]
fn what_a_plain_caller_has_does_not_reach_the_children_either() {
    let place = Place::with_manifest(TELL);
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_small_limit_on_open_files_is_no_obstacle() {
    let place = Place::with_manifest(TELL);
    let foresee = format!("ulimit -n 40; exec {} run --isolation none", env!("CARGO_BIN_EXE_foresee"));
    let mut command = Command::new("sh");
    command.args(["-c", &foresee]).current_dir(place.cwd()).env_clear().env("PATH", PATH).env("TMPDIR", place.tmp());
    let output = command.output().expect("`sh` exists everywhere");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn processes_get_the_environment_of_the_contract_and_nothing_else() {
    let place = Place::with_manifest(
        "inherit_env: [WANTED, NOT_SET]
env: {OWN: 'a b', TZ: Europe/Vienna}
test_it:
  - run: {argv: [env], env: {MINE: '1'}}
",
    );
    let args = ["run", "--isolation", "none", "--keep-logs", "always", "--keep-sandbox"];
    let output = place.foresee(&args).env("WANTED", "w").env("UNWANTED", "u").output().expect("foresee");
    assert_eq!(output.status.code(), Some(0));
    let told = place.read("foresee-out/failed/test.test_it/env.stdout.txt");
    let mut names: Vec<_> = told.lines().filter_map(|line| line.split_once('=')).collect();
    names.sort_unstable();
    let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["HOME", "LANG", "MINE", "OWN", "PATH", "TMPDIR", "TZ", "WANTED"], "{told}");
    assert!(told.contains("TZ=Europe/Vienna\n") && told.contains("WANTED=w\n") && told.contains("LANG=C.UTF-8\n"));
}

#[test]
fn stdin_is_a_text_a_file_or_nothing() {
    let place = Place::with_manifest(
        "test_it:
  - run: {as: nothing, argv: [cat]}
    assert_stdout: ''
  - run: {as: text, argv: [cat], stdin: \"one\\ntwo\"}
    assert_stdout: \"one\\ntwo\"
  - run: {as: file, argv: [cat], stdin: {file: words.txt}}
    assert_stdout: of a file
  - run: {as: unread, argv: ['true'], stdin: nobody reads this}
  - run: {as: big, argv: [wc, -c], stdin: {file: big.txt}}
    assert_stdout: '300000'
",
    );
    place.write("words.txt", "of a file\n");
    place.write("big.txt", "x".repeat(300_000));
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_directory_whose_name_is_no_text_is_told() {
    let place = Place::new();
    let dir = place.cwd().join(OsStr::from_bytes(b"not-\xff"));
    std::fs::create_dir(&dir).expect("a new name");
    std::fs::write(dir.join("test.yml"), "test_it:\n  - run: ['true']\n").expect("a writable directory");
    let output = place.foresee(&["run", "--output-dir", "../out"]).current_dir(&dir).output().expect("foresee");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("a path of it is not UTF-8: rename what is named so"), "{text}");
}
