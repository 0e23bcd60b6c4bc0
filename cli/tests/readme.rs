//! The README shows what foresee really prints.

use std::fs;

use crate::support::repository;

#[test]
fn the_readme_shows_the_failing_plan_and_its_exact_output() {
    let read = |path: &str| fs::read_to_string(repository().join(path)).expect(path);
    let (readme, expected) = (read("README.md"), read("testdata/readme/failing/expected.txt"));
    let printed: Vec<_> = expected.lines().skip(1).take_while(|line| !line.starts_with("--- ")).collect();
    assert!(readme.contains(&printed.join("\n")), "README.md does not show testdata/readme/failing/expected.txt");
    let manifest = read("testdata/readme/failing/test_shop.yml");
    assert!(readme.contains(&manifest), "README.md does not show testdata/readme/failing/test_shop.yml");
}
