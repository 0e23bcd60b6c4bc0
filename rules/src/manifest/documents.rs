//! What is said of manifests elsewhere is true: the JSON Schema, and the pages of `docs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::node::{Node, Scalar};
use super::vocabulary::{
    APP, CAPTURE, CASE, CONDITION_HTTP, CONDITIONS, CONSTRAINTS, COOKIE, KILL, LIMITS, MATCHER, NETWORKS, OPERATORS,
    ORPHANS, OUTPUTS, PORT_KINDS, PROCESS, RETRY, RUN, SANDBOX, SETTINGS, STDIN, STEP, STOP, TARGET, UPLOAD, VIEWS,
    names,
};
use super::{Caller, json_schema, load, load_text, yaml};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

fn caller() -> Caller {
    Caller { cwd: repository().to_owned(), ..Caller::default() }
}

/// Every file below `testdata` that could be a manifest, hidden or not.
fn candidates() -> Vec<PathBuf> {
    fn search(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                search(&entry, found);
            } else if entry.extension().is_some_and(|ending| ["yml", "yaml", "json"].iter().any(|e| ending == *e)) {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    search(&repository().join("testdata"), &mut found);
    found.sort();
    found
}

/// A node by the core schema.
pub(super) fn to_json(node: &Node) -> Value {
    if let Some(items) = node.items() {
        return items.iter().map(to_json).collect();
    }
    if let Some(entries) = node.entries() {
        return entries.iter().map(|e| (e.key.clone(), to_json(&e.node))).collect::<Map<_, _>>().into();
    }
    match node.scalar() {
        Some(Scalar::Bool(value)) => value.into(),
        Some(Scalar::Int(value)) => i64::try_from(value)
            .map_or_else(|_| u64::try_from(value).map_or_else(|_| json!(value as f64), Value::from), Value::from),
        Some(Scalar::Float(value)) => json!(value),
        Some(Scalar::Text(text)) => text.into(),
        _ => Value::Null,
    }
}

fn read(path: &Path) -> Option<Value> {
    let text = String::from_utf8(fs::read(path).ok()?).ok()?;
    let (root, problems) = yaml::parse(0, text.trim_start_matches('\u{feff}'));
    root.filter(|_| problems.is_empty()).map(|root| to_json(&root))
}

#[test]
fn the_schema_accepts_every_manifest_that_loads() {
    let validator = jsonschema::validator_for(&json_schema()).expect("a JSON Schema");
    let mut accepted = 0;
    for path in candidates() {
        let loaded = load(std::slice::from_ref(&path), &caller());
        let own = loaded.broken.is_empty() && loaded.cases.iter().all(|case| path.ends_with(&case.path));
        let Some(value) = read(&path).filter(|_| own) else { continue };
        let complaints: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(complaints.is_empty(), "{}: {}", path.display(), complaints.join("; "));
        accepted += 1;
    }
    assert!(accepted >= 20, "only {accepted} manifests");
}

#[test]
fn the_schema_refuses_manifests_with_wrong_keys_and_types() {
    let validator = jsonschema::validator_for(&json_schema()).expect("a JSON Schema");
    for folder in ["unknown_keys", "types", "durations", "listen", "no_steps", "operators", "not_a_mapping"] {
        let files = candidates().into_iter().filter(|path| path.parent().is_some_and(|dir| dir.ends_with(folder)));
        for path in files {
            let value = read(&path).expect("valid YAML");
            assert!(!validator.is_valid(&value), "{}", path.display());
        }
    }
}

/// In every mapping of every manifest that loads, one at a time: a key that the reader does not know.
#[test]
fn reader_and_schema_know_the_same_keys() {
    const STRANGE: &str = "zzz";
    let validator = jsonschema::validator_for(&json_schema()).expect("a JSON Schema");
    let mut refused = BTreeSet::new();
    for path in candidates() {
        if !load(std::slice::from_ref(&path), &caller()).broken.is_empty() {
            continue;
        }
        let Some(value) = read(&path) else { continue };
        let mut places = Vec::new();
        mappings(&value, String::new(), &mut places);
        for place in places {
            let mut changed = value.clone();
            let Some(Value::Object(members)) = changed.pointer_mut(&place) else { continue };
            members.insert(STRANGE.into(), json!({}));
            let loaded = load_text(&path, changed.to_string(), &caller());
            let messages: Vec<_> =
                loaded.broken.iter().flat_map(|broken| &broken.problems).map(|p| p.message.as_str()).collect();
            let unknown = messages.iter().any(|m| m.starts_with("unknown") && m.contains(&format!("`{STRANGE}`")));
            if unknown {
                assert!(!validator.is_valid(&changed), "{} at {place}: the schema accepts it", path.display());
                refused.insert(messages.join("; "));
            } else if loaded.broken.is_empty() {
                assert!(validator.is_valid(&changed), "{} at {place}: the schema refuses it", path.display());
            }
        }
    }
    assert!(refused.len() >= 10, "{refused:?}");
}

/// The JSON pointers of all mappings.
fn mappings(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                mappings(member, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
            places.push(at);
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| mappings(item, format!("{at}/{i}"), places));
        }
        _ => {}
    }
}

fn page(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_reference_has_every_key() {
    let page = page("docs/manifest.md");
    let tables = [
        SETTINGS,
        CASE,
        LIMITS,
        SANDBOX,
        OPERATORS,
        STEP,
        KILL,
        RUN,
        OUTPUTS,
        PROCESS,
        STDIN,
        CONDITIONS,
        CONDITION_HTTP,
        APP,
        STOP,
        TARGET,
        UPLOAD,
        CAPTURE,
        RETRY,
        CONSTRAINTS,
        COOKIE,
        MATCHER,
    ];
    let words = [VIEWS, NETWORKS, ORPHANS, PORT_KINDS, crate::sandbox::FACETS];
    let keys = tables.iter().flat_map(|table| names(table)).chain(words.into_iter().flatten().copied());
    let missing: BTreeSet<_> = keys
        .filter(|key| {
            let spellings = [
                format!("`{key}`"),
                format!("{{{key}: "),
                format!("{{{key}, "),
                format!(", {key}"),
                format!("{key}: "),
            ];
            !spellings.iter().any(|spelling| page.contains(spelling))
        })
        .collect();
    assert!(missing.is_empty(), "docs/manifest.md says nothing of {missing:?}");
}

/// The blocks of a page that are YAML.
fn yaml_blocks(page: &str) -> Vec<String> {
    let parts = page.split("```yaml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or("").to_owned()).collect()
}

#[test]
fn the_reference_quotes_what_is_run() {
    let texts: Vec<_> = candidates().iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let blocks = yaml_blocks(&page("docs/manifest.md"));
    assert!(blocks.len() >= 10);
    for block in &blocks {
        assert!(texts.iter().any(|text| text.contains(block.as_str())), "no manifest of testdata has this:\n{block}");
    }
}

#[test]
fn the_manifests_of_the_guide_load() {
    for name in ["docs/guide.md", "README.md"] {
        for block in yaml_blocks(&page(name)) {
            let (root, problems) = yaml::parse(0, &block);
            assert!(problems.is_empty(), "{name}: {problems:?}\n{block}");
            let cases = root
                .is_some_and(|root| root.entries().is_some_and(|all| all.iter().any(|e| e.key.starts_with("test"))));
            if cases {
                let loaded = load_text(Path::new("testdata/quickstart/test.yml"), block.clone(), &caller());
                let said: Vec<_> = loaded.broken.iter().flat_map(|b| &b.problems).map(|p| &p.message).collect();
                assert!(said.is_empty(), "{name}: {said:?}\n{block}");
            }
        }
    }
}
