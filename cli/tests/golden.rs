//! Every folder below `testdata` that has an `expected.txt`: what foresee prints there, its exit status, and the verdict of
//! every test case, to the letter.
//!
//! `args` holds the arguments (`run --stable --jobs 1 --isolation none` by default). `examples` names
//! programs of `cli/examples` that are put beside the manifest. `SNAPSHOTS=overwrite` accepts what is
//! printed now.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

use crate::support::{Place, copy_dir, repository};

const DEFAULT_ARGS: &str = "run --stable --jobs 1 --isolation none";

#[test]
fn every_folder_of_testdata_behaves_as_it_says() {
    let mut folders = Vec::new();
    find(&repository().join("testdata"), &mut folders);
    assert!(!folders.is_empty(), "there are no folders with an expected.txt");
    // Most of a folder's time is waiting, for a server to start or for a time to run out.
    let next = AtomicUsize::new(0);
    let work = || {
        let folders = std::iter::from_fn(|| folders.get(next.fetch_add(1, Ordering::Relaxed)));
        folders.filter_map(|folder| compare(folder).err()).collect::<Vec<_>>()
    };
    let wrong: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn find(dir: &Path, folders: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(dir).expect("testdata").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    if dir.join("expected.txt").is_file() {
        folders.push(dir.to_owned());
    }
    entries.iter().filter(|path| path.is_dir()).for_each(|path| find(path, folders));
}

fn compare(folder: &Path) -> Result<(), String> {
    let place = Place::new();
    copy_dir(folder, &place.cwd());
    if let Ok(names) = fs::read_to_string(folder.join("examples")) {
        names.split_whitespace().for_each(|name| place.link_example(name));
    }
    let args = fs::read_to_string(folder.join("args")).unwrap_or_else(|_| DEFAULT_ARGS.into());
    let args: Vec<_> = args.split_whitespace().collect();
    let output = place.run(&args);
    let mut told = format!("$ foresee {}\n", args.join(" "));
    told.push_str(&String::from_utf8_lossy(&output.stdout));
    if !output.stderr.is_empty() {
        told.push_str(&format!("--- stderr\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    told.push_str(&format!("--- {}\n", output.status));
    if place.cwd().join("foresee-out/results.json").is_file() {
        told.push_str(&place.verdicts());
    }
    let told = told.replace(&place.cwd().display().to_string(), "CWD");
    if !place.is_clean() {
        return Err(format!("{}: something is left in the sandbox directory", folder.display()));
    }
    let expected = Data::read_from(&folder.join("expected.txt"), Some(DataFormat::Text)).raw();
    let name = folder.strip_prefix(repository()).unwrap_or(folder).display().to_string();
    Assert::new()
        .action_env("SNAPSHOTS")
        .try_eq(Some(&name), Data::text(told), expected)
        .map_err(|error| error.to_string())
}
