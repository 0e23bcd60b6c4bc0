//! `foresee list` and `foresee schema`.

use std::io::Write;

use foresee_rules::manifest::{json_schema, load};
use foresee_rules::report::write_diagnostics;

use crate::args::ListOptions;
use crate::environment::Environment;
use crate::exit::{HELD, USAGE, fail};
use crate::run::{paths, selection};

/// Prints the test cases as reports name them. Returns the exit status.
pub(crate) fn list(typed: &ListOptions, environment: &Environment) -> u8 {
    let loaded = load(&paths(&typed.paths), &environment.caller(environment.output_dir()));
    let chosen = crate::args::SelectionOptions { filter: typed.selection.filter.clone(), shard: typed.selection.shard };
    let selected = match selection(chosen, environment) {
        Ok(selection) => selection.select(&loaded.cases),
        Err(message) => return fail(USAGE, message),
    };
    let mut stdout = anstream::stdout().lock();
    for case in selected.into_iter().map(|index| &loaded.cases[index]) {
        for check in &case.checks {
            let _ = writeln!(stdout, "{} :: {}", case.suite, check.name);
        }
    }
    let mut stderr = anstream::stderr().lock();
    for broken in &loaded.broken {
        let _ = write_diagnostics(&mut stderr, &broken.problems, &loaded.sources, true);
    }
    for file in &loaded.without_cases {
        let _ = writeln!(stderr, "{file} has no cases and is passed over");
    }
    match (loaded.broken.is_empty(), loaded.cases.is_empty()) {
        (false, _) => USAGE,
        (true, true) => fail(USAGE, "there is nothing to list: no manifest with cases was found"),
        (true, false) => HELD,
    }
}

/// Prints the JSON Schema. Returns the exit status.
pub(crate) fn schema() -> u8 {
    let _ = writeln!(anstream::stdout().lock(), "{:#}", json_schema());
    HELD
}
