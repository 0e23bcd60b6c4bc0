//! `foresee check`.

use std::io::Write;

use foresee_rules::manifest::load;
use foresee_rules::report::write_diagnostics;

use crate::args::CheckOptions;
use crate::environment::Environment;
use crate::exit::{HELD, USAGE, fail};
use crate::run::paths;

/// Loads and lints. Returns the exit status.
pub(crate) fn check(typed: &CheckOptions, environment: &Environment) -> u8 {
    let loaded = load(&paths(&typed.paths), &environment.caller(environment.output_dir()));
    let mut stdout = anstream::stdout().lock();
    let mut errors = 0;
    for broken in &loaded.broken {
        errors += broken.problems.len();
        let _ = write_diagnostics(&mut stdout, &broken.problems, &loaded.sources, true);
    }
    let _ = write_diagnostics(&mut stdout, &loaded.lints, &loaded.sources, true);
    for file in &loaded.without_cases {
        let _ = writeln!(stdout, "{file} has no cases and is passed over");
    }
    if loaded.cases.is_empty() && loaded.broken.is_empty() {
        return fail(USAGE, "there is nothing to check: no manifest with cases was found");
    }
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let cases = count(loaded.cases.len(), "case");
    let _ = match (errors, loaded.lints.len()) {
        (0, 0) => writeln!(stdout, "{cases}, nothing to complain of"),
        (errors, lints) => writeln!(stdout, "{cases}, {}, {}", count(errors, "error"), count(lints, "lint")),
    };
    if errors > 0 || typed.strict && !loaded.lints.is_empty() { USAGE } else { HELD }
}
