//! The turn rule against the model that the tests of the whole program use, with thousands of plans.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::Config;

use self::model::{End, Event, Model, Op, Verdict, manifest, plan};
use super::{Standing, Turns};
use crate::case::{Action, Case};
use crate::manifest::{Caller, load};

#[expect(dead_code, reason = "verdicts are asked for by the tests of the whole program")]
#[path = "../../../cli/tests/model.rs"]
mod model;

/// The plan as a case, by way of its manifest.
fn case(plan: &[Op]) -> Case {
    let dir = std::env::temp_dir();
    let path = dir.join(format!("foresee-turns-{}.yml", std::process::id()));
    fs::write(&path, manifest(plan, |_| "['true']".into())).expect("a writable directory");
    let caller = Caller { cwd: dir, env: BTreeMap::new(), runfiles: None, output_dir: None };
    let mut loaded = load(&[PathBuf::from(&path)], &caller);
    fs::remove_file(path).expect("it is there");
    assert!(loaded.broken.is_empty(), "{plan:?}: {:?}", loaded.broken);
    loaded.cases.pop().expect("one case")
}

/// Any exits, all with statuses that nobody minds.
fn indifferent(plan: Vec<Op>) -> Vec<Op> {
    let any = |set: Vec<(usize, Vec<End>)>| set.into_iter().map(|(process, _)| (process, Vec::new())).collect();
    let op = |op| match op {
        Op::Wait(set) => Op::Wait(any(set)),
        Op::Kill(set) => Op::Kill(any(set)),
        Op::Run(process, _) => Op::Run(process, Vec::new()),
        spawn @ Op::Spawn(_) => spawn,
    };
    plan.into_iter().map(op).collect()
}

proptest! {
    #![proptest_config(Config { cases: 3000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn an_exit_is_anticipated_when_the_model_says_so(
        steps in prop::collection::vec(any::<u8>(), 1..14),
        choices in prop::collection::vec(any::<u8>(), 30),
    ) {
        let plan = plan(&steps, 10);
        let case = case(&plan);
        let kills: Vec<_> = (0..case.steps.len())
            .filter(|step| matches!(case.steps[*step].action, Action::Kill { .. }))
            .collect();
        let mut begun = kills.iter();
        let mut turns = Turns::new(&case);
        let mut model = Model::new(indifferent(plan));
        for choice in choices {
            let live: Vec<_> = model.started().into_iter().filter(|process| !model.has_exited(*process)).collect();
            if model.to_be_killed().is_some() && choice % 2 == 0 {
                turns.kill_begins(*begun.next().expect("the model kills no more often than the plan"));
                model.happens(Event::Signal);
                continue;
            }
            let Some(process) = live.get(usize::from(choice) % live.len().max(1)).copied() else { break };
            let last = model.is_last_turn();
            let standing = turns.exit(process);
            model.happens(Event::Exit(process, End::Code(0)));
            let expected = match model.decided {
                Some(Verdict::UnexpectedExit(_)) => Standing::Unexpected,
                _ if last => Standing::LeftOver,
                _ => Standing::Anticipated,
            };
            prop_assert_eq!(standing, expected, "p{}", process);
            if model.decided.is_some() {
                break;
            }
        }
    }
}
