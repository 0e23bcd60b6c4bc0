//! What cases and killed runs leave behind, and that nothing comes of it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::Place;

/// What a case leaves where its logs were leads foresee, which tidies up outside of the sandbox, nowhere.
#[test]
fn links_in_the_place_of_logs_are_not_followed() {
    for (isolation, keep) in [("full", "failed"), ("full", "always"), ("none", "failed"), ("none", "always")] {
        let place = Place::new();
        let victim = place.cwd().join("victim");
        fs::create_dir(&victim).expect("a directory");
        fs::write(victim.join("sh.stdout"), "precious").expect("a file");
        let swap = format!(
            "mv ../logs ../moved && ln -s {0} ../logs; ln -sf {0}/sh.stdout ../moved/b.stdout",
            victim.display()
        );
        place.write(
            "test.yml",
            format!("test_it:\n  - run: {{argv: [sh, -c, '{swap}']}}\n  - run: {{argv: [sh, -c, 'exit 1'], as: c}}\n"),
        );
        let output = place.run(&["run", "--isolation", isolation, "--keep-logs", keep]);
        assert_ne!(output.status.code(), Some(0));
        assert_eq!(fs::read_to_string(victim.join("sh.stdout")).expect("the file is there"), "precious");
        let kept = place.run(&["logs", "cat", "sh"]);
        assert!(!String::from_utf8_lossy(&kept.stdout).contains("precious"));
        assert!(place.is_clean(), "something is left in the sandbox directory");
    }
}

/// A case does not see what the one before it has left, although the next begins before the last is tidied away.
#[test]
fn cases_one_after_the_other_see_nothing_of_each_other() {
    let look = "test ! -e ../../*/*/note";
    let mut manifest =
        "test_0: [{run: [sh, -c, 'mkdir -p many; for i in $(seq 2000); do : > many/$i; done; echo > note']}]\n"
            .to_owned();
    for number in 1..4 {
        manifest += &format!("test_{number}: [{{run: [sh, -c, '{look}']}}]\n");
    }
    let place = Place::with_manifest(&manifest);
    for isolation in ["none", "auto"] {
        let output = place.run(&["run", "--isolation", isolation, "--jobs", "1"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Whatever moment foresee is killed at, nothing is left a second later, and the next run removes the directories.
#[test]
fn nothing_survives_a_kill() {
    let mark = format!("{}.25", 100_000 + std::process::id());
    let manifest = format!(
        "testLong:\n  - spawn: {{argv: [sh, -c, 'setsid sleep {mark} & setsid sleep {mark} & exec sleep {mark}'], as: a}}\n  - wait: a\n    timeout: 5m\n"
    );
    let place = Place::with_manifest(&manifest);
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("/proc").lines().count();
    let before = mounts();
    for round in 0..200u64 {
        let mut foresee = place.foresee(&["run", "--isolation", "full"]);
        let mut running = foresee.stdout(std::process::Stdio::null()).spawn().expect("foresee");
        // Moments all over the life of a run, without a source of randomness: from before its first process to well into it.
        std::thread::sleep(Duration::from_micros(round * 7919 % 60_000));
        let zygote = first_child(running.id());
        let executor = zygote.and_then(first_child);
        match (round % 4, zygote) {
            (0, Some(zygote)) => kill(zygote),
            (1, Some(zygote)) => {
                kill(running.id());
                kill(zygote);
            }
            (2, Some(_)) => executor.into_iter().for_each(kill),
            _ => kill(running.id()),
        }
        if round % 4 == 2 {
            // Without its executor the case has failed, and foresee ends by itself. One that had no case yet is replaced, and
            // the run goes on.
            let until = Instant::now() + Duration::from_millis(500);
            while Instant::now() < until && running.try_wait().expect("our child").is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = running.kill();
        }
        running.wait().expect("our child");
    }
    let until = Instant::now() + Duration::from_secs(5);
    while let Some(left) = survivor(&mark) {
        assert!(Instant::now() < until, "a process survives: {left}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(mounts(), before, "a mount is left");
    place.write("test.yml", "test_it: [{run: [echo, hello]}]\n");
    assert!(place.run(&["run", "--isolation", "full"]).status.success());
    assert!(place.is_clean(), "directories of killed runs are left");
}

fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(std::process::Stdio::null()).status();
}

fn first_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// A process that has `mark` among its arguments.
fn survivor(mark: &str) -> Option<String> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
    lines.map(|line| line.replace('\0', " ")).find(|line| line.contains(mark))
}
