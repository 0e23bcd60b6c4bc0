//! Which exits are anticipated: against a model of the rule, with exits in known orders and a runner that is late.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::signals::send;
use super::stage::{Stage, stop};
use super::until;
use crate::model::{End, Event, Model, Op, Verdict, manifest, plan};
use crate::support::Place;

/// What became of the only case.
fn verdict(place: &Place) -> Verdict {
    let results = place.results();
    let tests = results["suites"][0]["tests"].as_array().cloned().unwrap_or_default();
    let problems: Vec<_> = tests.iter().map(|test| &test["problem"]).filter(|problem| problem.is_object()).collect();
    let [problem] = problems.as_slice() else {
        assert!(problems.is_empty(), "one cause, one red test case: {problems:?}");
        return Verdict::Passed;
    };
    let message = problem["message"].as_str().unwrap_or_default();
    let process = message.split('`').nth(1).and_then(|name| name.strip_prefix('p')?.parse().ok());
    match (problem["type"].as_str(), process) {
        (Some("unexpected-exit"), Some(process)) => Verdict::UnexpectedExit(process),
        (Some("unexpected-status"), Some(process)) => Verdict::UnexpectedStatus(process),
        (Some("still-running"), _) => Verdict::StillRunning,
        _ => panic!("{problem}"),
    }
}

fn name(process: usize) -> String {
    format!("p{process}")
}

/// Runs a plan and decides the ends of its processes by `choices`. Returns foresee's verdict and the model's.
fn play(plan: &[Op], choices: &[u8]) -> (Verdict, Verdict, String) {
    let stage = Stage::new();
    let place = Place::with_manifest(&manifest(plan, |process| stage.argv(&name(process))));
    let mut model = Model::new(plan.to_vec());
    let mut command = place.foresee(&["run", "--isolation", "none"]);
    let mut foresee = command.stdout(std::process::Stdio::null()).spawn().expect("foresee");
    let mut executor = None;
    let mut is_stopped = false;
    let mut story = String::new();
    let mut choices = choices.iter().copied().cycle();
    let mut choose = || usize::from(choices.next().unwrap_or(0));
    while model.decided.is_none() && !model.is_last_turn() {
        if !is_stopped {
            // The plan goes on by itself until it waits for something that this test decides.
            let mut is_over = false;
            until("the plan has come to its wait", || {
                is_over = foresee.try_wait().expect("it can be waited for").is_some();
                is_over || model.started().iter().all(|process| stage.is_started(&name(*process)))
            });
            // What is left may have been done between two looks: kills need nobody's leave.
            if is_over && model.to_be_killed().is_none() {
                break;
            }
            executor = executor.or_else(|| model.started().first().map(|process| stage.executor(&name(*process))));
            if let Some(victims) = model.to_be_killed() {
                until("the kill is done", || victims.iter().all(|victim| stage.has_ended(&name(*victim))));
                story.push_str(&format!("kill {victims:?}; "));
                model.happens(Event::Signal);
                victims.iter().for_each(|victim| model.happens(Event::Exit(*victim, End::Sigterm)));
                continue;
            }
        }
        let executor = executor.expect("every plan starts something in its first turn");
        std::thread::sleep(Duration::from_micros(choose() as u64 * 10));
        let choice = choose();
        let live: Vec<_> = model
            .started()
            .into_iter()
            .filter(|process| stage.is_started(&name(*process)) && !model.has_exited(*process))
            .collect();
        if !is_stopped && choice % 4 == 0 {
            stop(executor);
            is_stopped = true;
            story.push_str("stop; ");
        } else if is_stopped && (choice % 4 == 0 || live.is_empty()) {
            send(executor, "CONT");
            is_stopped = false;
            story.push_str("go on; ");
        } else {
            let process = live[choose() % live.len()];
            let code = if choice % 7 == 0 { 3 } else { wanted(plan, process) };
            story.push_str(&format!("p{process} exits with {code}; "));
            stage.tell(&name(process), code);
            model.happens(Event::Exit(process, End::Code(code)));
        }
    }
    if is_stopped {
        send(executor.expect("it was stopped"), "CONT");
    }
    foresee.wait_with_output().expect("it ends");
    (verdict(&place), model.verdict(), story)
}

/// A code with which the plan is content, where there is one.
fn wanted(plan: &[Op], process: usize) -> u8 {
    let code = |ends: &[End]| ends.iter().find_map(|end| if let End::Code(code) = end { Some(*code) } else { None });
    let of = |op: &Op| match op {
        Op::Wait(set) => set.iter().find(|(member, _)| *member == process).and_then(|(_, ends)| code(ends)),
        Op::Run(member, ends) if *member == process => code(ends),
        _ => None,
    };
    plan.iter().find_map(of).unwrap_or(0)
}

proptest! {
    #![proptest_config(Config { cases: 80, max_shrink_iters: 40, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_verdict_is_the_models_whenever_the_runner_looks(
        steps in prop::collection::vec(any::<u8>(), 3..10),
        choices in prop::collection::vec(any::<u8>(), 40),
    ) {
        let plan = plan(&steps, 6);
        let (got, expected, story) = play(&plan, &choices);
        prop_assert_eq!(got, expected, "{:?}\n{}", plan, story);
    }
}

/// Runs a plan of processes `p0` to `p2`, of which `order` end with these codes while the executor is stopped.
fn while_stopped(steps: &str, order: &[(&str, u8)]) -> String {
    let stage = Stage::new();
    let mut text = String::from("timeout: 100s\ntest_it:\n  - spawnPar:\n");
    for name in ["p0", "p1", "p2"] {
        text.push_str(&format!("      - {{as: {name}, argv: {}}}\n", stage.argv(name)));
    }
    let place = Place::with_manifest(&(text + steps));
    let foresee = place.foresee(&["run", "--isolation", "none"]).stdout(std::process::Stdio::null()).spawn();
    until("all have started", || ["p0", "p1", "p2"].iter().all(|name| stage.is_started(name)));
    let executor = stage.executor("p0");
    stop(executor);
    for (name, code) in order {
        stage.tell(name, *code);
    }
    send(executor, "CONT");
    foresee.expect("foresee").wait().expect("it ends");
    let results = place.results();
    let tests = results["suites"][0]["tests"].as_array().cloned().unwrap_or_default();
    let problem = tests.iter().map(|test| &test["problem"]).find(|problem| problem.is_object());
    let text = |key: &str| problem.and_then(|problem| problem[key].as_str()).unwrap_or_default();
    format!("{}: {}", text("type"), text("message"))
}

#[test]
fn of_two_exits_while_the_runner_is_stopped_the_first_is_blamed() {
    let wait = "  - wait: p2\n  - waitPar: [p0]\n  - wait: p1\n";
    let blamed = while_stopped("  - wait: p2\n  - run: ['true']\n  - waitPar: [p0, p1]\n", &[("p1", 0), ("p0", 0)]);
    assert_eq!(blamed, "unexpected-exit: `p1` exited with 0 while nothing waited for it");
    let blamed = while_stopped("  - wait: p2\n  - run: ['true']\n  - waitPar: [p0, p1]\n", &[("p0", 0), ("p1", 0)]);
    assert_eq!(blamed, "unexpected-exit: `p0` exited with 0 while nothing waited for it");
    assert_eq!(
        while_stopped(wait, &[("p0", 0), ("p1", 0), ("p2", 0)]),
        "unexpected-exit: `p1` exited with 0 while nothing waited for it"
    );
}

#[test]
fn of_two_wrong_statuses_while_the_runner_is_stopped_the_first_is_blamed() {
    let steps = "  - waitPar: [p0, p1, p2]\n";
    assert_eq!(while_stopped(steps, &[("p1", 3), ("p0", 4)]), "unexpected-status: `p1` exited with 3, not 0");
    assert_eq!(while_stopped(steps, &[("p0", 4), ("p1", 3)]), "unexpected-status: `p0` exited with 4, not 0");
}

#[test]
fn a_wrong_status_that_came_before_an_unexpected_exit_is_blamed() {
    let steps = "  - wait: p0\n  - run: ['true']\n  - waitPar: [p1, p2]\n";
    assert_eq!(while_stopped(steps, &[("p0", 3), ("p1", 0)]), "unexpected-status: `p0` exited with 3, not 0");
    assert_eq!(
        while_stopped(steps, &[("p1", 0), ("p0", 3)]),
        "unexpected-exit: `p1` exited with 0 while nothing waited for it"
    );
}

#[test]
fn who_ends_before_the_one_that_is_to_be_ready_is_blamed() {
    let steps = "  - ready: {p0: {log: never}}\n  - wait: p2\n  - waitPar: [p0, p1]\n";
    let early = "unexpected-exit: `p1` exited with 0 while nothing waited for it";
    let steps = &format!("{steps}  - run: ['true']\n").replace("waitPar: [p0, p1]", "kill: [p0, p1]");
    assert_eq!(while_stopped(steps, &[("p1", 0), ("p0", 0)]), early);
    assert_eq!(while_stopped(steps, &[("p0", 0), ("p1", 0)]), "not-ready: `p0` exited with 0 before it was ready");
}
