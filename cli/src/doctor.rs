//! `foresee doctor`.

use std::io::{self, Write};

use foresee_rules::artifacts::Keep;
use foresee_rules::run::{Options, Zygote, isolation};
use foresee_rules::sandbox::{Isolation, Wanted};

use crate::args::DoctorOptions;
use crate::environment::Environment;
use crate::exit::{HELD, MACHINE, fail};

/// Tells what isolation this machine gives. Returns the exit status.
pub(crate) fn doctor(typed: DoctorOptions, environment: &Environment, zygote: io::Result<Zygote>) -> u8 {
    let zygote = match zygote {
        Ok(zygote) => zygote,
        Err(error) => return fail(MACHINE, format_args!("can't make a process: {error}")),
    };
    let sandbox_dir = typed.sandbox_dir.or_else(|| environment.path("TEST_TMPDIR")).unwrap_or_else(std::env::temp_dir);
    let sandbox_dir = environment.cwd.join(sandbox_dir);
    let options = Options {
        // Nothing is kept, so nothing is written there.
        output_dir: sandbox_dir.join("foresee-doctor"),
        sandbox_dir,
        isolation: Wanted::Auto,
        allow_host_network: false,
        home: environment.path("HOME"),
        jobs: 1,
        fail_fast: false,
        attempts: None,
        repeat: 1,
        keep_logs: Keep::Never,
        keep_sandbox: false,
        stable: false,
        deadline: None,
        env: environment.of_programs(),
    };
    let found = match isolation(&options, &zygote) {
        Ok(found) => found,
        Err(error) => return fail(MACHINE, error),
    };
    let mut stdout = anstream::stdout().lock();
    let _ = if typed.json {
        serde_json::to_writer_pretty(&mut stdout, &found).map_err(Into::into).and_then(|()| writeln!(stdout))
    } else {
        write!(stdout, "{}", in_words(&found))
    };
    HELD
}

fn in_words(found: &Isolation) -> String {
    let means = match found.level.as_str() {
        "full" => "every case has all of it to itself",
        "bound-proc" => "but /proc shows the processes around it",
        "no-user" => "but for a user namespace, which this caller does not need",
        "partial" => "some of it",
        _ => "what a case does, it does to this machine",
    };
    let mut text = format!("isolation  {} ({means})\n", found.level);
    for (facet, state) in &found.facets {
        text.push_str(&format!("  {facet:<9}{state}\n"));
    }
    text.push_str(&format!("orphans    ended by way of the {}\n", found.orphans));
    let mut remedies: Vec<_> = found.facets.values().filter_map(|state| state.remedy.as_deref()).collect();
    remedies.sort_unstable();
    remedies.dedup();
    for remedy in remedies {
        text.push_str(&format!("help       {remedy}\n"));
    }
    text
}
