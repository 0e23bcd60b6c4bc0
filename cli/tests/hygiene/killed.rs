//! SIGKILL to foresee, or to one of its processes: nothing that it started stays.

use std::process::{Child, Stdio};
use std::time::Duration;

use super::{children, processes_with, random, run, unique_sleep, until};
use crate::support::Place;

/// Several cases with processes of several kinds, all of which have `sleep` among their arguments.
fn manifest(sleep: &str) -> String {
    let mut text = String::new();
    for case in 0..4 {
        text.push_str(&format!(
            "test_{case}:
  - spawn: [sleep, '{sleep}']
  - spawn: [sh, -c, 'sleep {sleep} & sleep {sleep} & wait', '{sleep}']
  - spawn: [sh, -c, 'trap \"\" TERM HUP; (sleep {sleep}; :) | (sleep {sleep}; :)', '{sleep}']
  - waitPar: [sleep, sh, sh-1]
"
        ));
    }
    text
}

fn start(place: &Place) -> Child {
    let mut command = place.foresee(&["run", "--isolation", "none", "--jobs", "3"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("foresee")
}

fn pause(up_to_ms: u64) {
    std::thread::sleep(Duration::from_micros(random() % (up_to_ms * 1000)));
}

#[test]
fn nothing_survives_a_sigkill_of_foresee_and_the_next_run_cleans_up() {
    let place = Place::new();
    for round in 0..30 {
        let sleep = unique_sleep(3000);
        place.write("test.yml", manifest(&sleep));
        let mut foresee = start(&place);
        pause(60);
        foresee.kill().expect("it can be killed");
        foresee.wait().expect("it has ended");
        until(&format!("nothing is left in round {round}"), || processes_with(&sleep).is_empty());
    }
    place.write("test.yml", "test_it:\n  - run: ['true']\n");
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
    let left: Vec<_> = std::fs::read_dir(place.tmp()).expect("a directory").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Kills one of foresee's own processes; whatever is left then must still lead to a report.
fn kill_one(which: impl Fn(i32) -> Vec<i32>) {
    for _ in 0..10 {
        let sleep = unique_sleep(0).replacen("0.0", "0.3", 1);
        let place = Place::with_manifest(&manifest(&sleep));
        let mut foresee = start(&place);
        let pid = foresee.id().cast_signed();
        let mut victims = Vec::new();
        until("it is there", || {
            victims = which(pid);
            !victims.is_empty()
        });
        pause(40);
        let victim = victims[usize::try_from(random() % victims.len() as u64).expect("small")];
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(victim), nix::sys::signal::SIGKILL);
        let code = foresee.wait().expect("it ends").code();
        until("nothing is left", || processes_with(&sleep).is_empty());
        let verdicts = place.verdicts();
        // That nothing was hit, because the run was over before, is possible and no failure.
        assert!(code == Some(3) && verdicts.contains("error internal") || code == Some(0), "{code:?}\n{verdicts}");
        assert!(place.is_clean());
    }
}

#[test]
fn nothing_survives_a_sigkill_of_an_executor() {
    kill_one(|foresee| children(foresee).into_iter().flat_map(children).collect());
}

#[test]
fn nothing_survives_a_sigkill_of_the_zygote() {
    kill_one(|foresee| {
        let zygotes = children(foresee);
        // One that has no children yet has nothing to lose.
        zygotes.into_iter().filter(|zygote| !children(*zygote).is_empty()).collect()
    });
}
