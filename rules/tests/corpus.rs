//! What the fuzzer has found worth keeping is read by every test run, too (fuzz/README.md).

use std::fs;
use std::path::Path;

use foresee_rules::manifest::{Caller, load_text};

#[test]
fn every_text_of_the_corpus_is_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/manifest");
    let caller = Caller { cwd: "/nowhere".into(), ..Caller::default() };
    let (mut read, mut refused) = (0, 0);
    for entry in fs::read_dir(&corpus).expect("the corpus").map(|entry| entry.expect("an entry")) {
        let bytes = fs::read(entry.path()).expect("a readable file");
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let loaded = load_text("test.yml".as_ref(), text, &caller);
        let problems = loaded.broken.iter().flat_map(|broken| &broken.problems).chain(&loaded.lints);
        problems.for_each(|problem| assert!(!problem.render(&loaded.sources, true).is_empty()));
        assert_eq!(loaded.cases.is_empty(), !loaded.broken.is_empty(), "{}", entry.path().display());
        if loaded.broken.is_empty() { read += 1 } else { refused += 1 }
    }
    assert!(read > 10 && refused > 10, "{read} read, {refused} refused: is this the corpus?");
}
