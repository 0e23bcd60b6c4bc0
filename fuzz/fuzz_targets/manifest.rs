//! Whatever text a manifest is, it is read or refused, and what is said about it can be shown.

#![no_main]

use foresee_rules::manifest::{Caller, load_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let caller = Caller { cwd: "/nowhere".into(), ..Caller::default() };
    let loaded = load_text("test.yml".as_ref(), text.to_owned(), &caller);
    for broken in &loaded.broken {
        assert!(!broken.problems.is_empty(), "a broken file without a reason");
    }
    for problem in loaded.broken.iter().flat_map(|broken| &broken.problems).chain(&loaded.lints) {
        let _ = problem.render(&loaded.sources, true);
    }
    assert_eq!(loaded.cases.is_empty(), !loaded.broken.is_empty(), "neither cases nor a reason why not");
});
