//! Our reader against its yardsticks: what serde_yaml and serde_json take without loss means the same to us.

use proptest::prelude::*;
use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

use super::documents::to_json;
use super::node::{Node, Scalar, Value, resolve_plain};
use super::yaml;

fn read(text: &str) -> Result<Node, String> {
    let (root, problems) = yaml::parse(0, text);
    match (root, problems.first()) {
        (_, Some(problem)) => Err(problem.message.clone()),
        (None, None) => Err("nothing".into()),
        (Some(root), None) => Ok(root),
    }
}

/// Whether a node and a value are the same, keys in the same order.
fn same(node: &Node, yaml: &Yaml) -> bool {
    match (&node.value, yaml) {
        (Value::Sequence(items), Yaml::Sequence(values)) => {
            items.len() == values.len() && items.iter().zip(values).all(|(node, value)| same(node, value))
        }
        (Value::Mapping(entries), Yaml::Mapping(members)) => {
            entries.len() == members.len()
                && entries.iter().zip(members).all(|(entry, (key, value))| {
                    let text = key.as_str().is_some_and(|key| key == entry.key);
                    (text || same_scalar(&resolve_plain(&entry.key), key)) && same(&entry.node, value)
                })
        }
        (Value::Scalar { .. }, scalar) => node.scalar().is_some_and(|own| same_scalar(&own, scalar)),
        _ => false,
    }
}

fn same_scalar(own: &Scalar<'_>, yaml: &Yaml) -> bool {
    match (own, yaml) {
        (Scalar::Null, Yaml::Null) => true,
        (Scalar::Bool(own), Yaml::Bool(value)) => own == value,
        (Scalar::Text(own), Yaml::String(value)) => own == value,
        (Scalar::Int(own), Yaml::Number(value)) => {
            value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)).map_or_else(
                // Beyond 64 bits serde_yaml has nothing but floating-point numbers.
                || value.as_f64().is_some_and(|float| float == *own as f64),
                |integer| integer == *own,
            )
        }
        (Scalar::Float(own), Yaml::Number(value)) => {
            value.as_f64().is_some_and(|float| float == *own || float.is_nan() && own.is_nan())
        }
        _ => false,
    }
}

fn assert_same(text: &str) {
    let value: Yaml = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("serde_yaml: {error}\n{text}"));
    let node = read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(same(&node, &value), "\n{text}\nserde_yaml: {value:?}\nours:       {node:?}");
}

#[test]
fn documents_that_are_easily_misread_mean_the_same() {
    for text in [
        "a: |\n  one\n  two\n",
        "a: |-\n  one\n\n  two\n\n",
        "a: |+\n  one\n\nb: |2\n    two\n",
        "a: >\n  folded\n  text\n\n  new\n   more\nb: >-\n  x\n",
        "a: plain\n  continued\n  here\n",
        "a: \"folded\n  text \\\n  joined\"\n",
        "a: 'it''s'\nb: ''\nc: \"\"\n",
        "\"\\x41\\u00e9\\U0001F600\\N\\_\\L\\P\\e\\0\\ \\t\\/\": \"\\\"\\\\\"",
        "a: b#c # d\n# e\nf: 'g # h'",
        "a: http://x:80/?q=1&r=[2]\nb: -\"x\"\n",
        "a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: nULL\n",
        "a: [true, True, TRUE, tRUE, yes, no, on, off, y, n]",
        "a: [1, -1, +1, 0, -0, 0x1F, 0o17, 1e3, 1.5, .5, 1., -1.5e-3, .inf, -.inf, +.INF, .nan]",
        "a: [1_000, 1:30, 2001-01-01, 1.2.3, 0x, 1e, +, ., 0o8, 1__0, '5', \"5\"]",
        "a: [18446744073709551615, -9223372036854775808, 9007199254740993]",
        "- - - a\n  - b\n- - c\n",
        "-   a: 1\n    b: 2\n-   - c\n",
        "a:\n- b\n- c:\n  - d\n",
        "a: [b, c: d, {e: f}, [g], \"h\": i, ]",
        "a: {b, c: , d: e, \"f\":g, 'h': 'i', }",
        "? a\n: b\n? c\n",
        "a: &x [1, {b: 2}]\nc: *x\nd: &y text\n*y : e\n",
        "--- # comment\na: b\n...\n",
        "%YAML 1.2\n---\na: b\n",
        "a: b\r\nc:\r\n  - d\r\n  - |\r\n    e\r\n    f\r\n",
        "a: !!str 5\nb: !!str true\nc: !!seq [a]\nd: !!map {a: b}\n",
        "{\"a\": [1, 2.5, true, null, \"b\\n\"], \"c\": {}, \"d\": []}",
        "1: a\ntrue: b\n~: c\n'2': d\n",
        "a: 日本語 é 😀\nб: в\n",
        "a : b\n\"c\" : d\n",
        "a:\n    b:\n     c: d\n    e: f\n",
        "key with spaces: value with spaces\n",
        "a: 'x\n\n  y'\n",
        "a: -b\n",
    ] {
        assert_same(text);
    }
}

/// Where the two differ on purpose: serde_yaml strays from the core schema of YAML 1.2, or loses something.
#[test]
fn deliberate_differences() {
    for (text, why) in [
        ("a: 0644", "[-+]?[0-9]+ is an integer of the core schema; as text it stays `0644`"),
        ("a: 0b11", "the core schema has no binary numbers"),
        ("a: \"x\u{85}y\"", "NEL is no line break in YAML 1.2"),
        ("a: 'x\u{2028}  y'", "nor is LINE SEPARATOR"),
    ] {
        let value: Yaml = serde_yaml::from_str(text).expect("serde_yaml takes it");
        let node = read(text).expect("we take it");
        assert!(!same(&node, &value), "no longer different: {text} ({why})");
    }
    for (text, why) in [
        ("a: &x {b: 1}\nc: {<<: *x}", "serde_yaml keeps `<<` as a key like any other"),
        ("a: !thing 1", "serde_yaml keeps the tag, a manifest has no use for it"),
        ("a: [-]", "`-` begins no plain scalar before a bracket or comma (YAML 1.2, rule 126)"),
        ("? [a]\n: b", "no key of a manifest is a list"),
    ] {
        assert!(serde_yaml::from_str::<Yaml>(text).is_ok(), "{text}");
        assert!(read(text).is_err(), "{text} ({why})");
    }
}

/// Texts that are taken for something else when they are not quoted as they should be.
fn hostile_text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        " ",
        "yes",
        "No",
        "~",
        "null",
        "true",
        "0644",
        "0x1F",
        "1e3",
        ".5",
        "-",
        "- a",
        "a: b",
        ": ",
        "a:",
        "#c",
        " # d",
        "a #b",
        "[a",
        "{a}",
        "]",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "'",
        "\"",
        "%",
        "@",
        "`",
        "?",
        "? a",
        "---",
        "...",
        "a\nb",
        "\n",
        "a\n\n",
        "\n a",
        "\t",
        "a\tb",
        " lead",
        "trail ",
        "é",
        "日本語",
        "😀",
        "\u{a0}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{fffe}",
        "\\",
        "\\n",
        "${port}",
        "=",
        "<",
        "0o17",
        "+1",
        "1_000",
        "2001-01-01",
        ".inf",
        "é: ü",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>(), "[ -~\n\t]{0,40}"]
}

/// Without the line breaks that only YAML 1.1 knows, and without the merge key.
fn yaml_text() -> impl Strategy<Value = String> {
    let known = |text: &String| text != "<<" && !text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    hostile_text().prop_filter("means another thing to serde_yaml", known)
}

fn yaml_value() -> impl Strategy<Value = Yaml> {
    let leaf = prop_oneof![
        Just(Yaml::Null),
        any::<bool>().prop_map(Yaml::from),
        any::<i64>().prop_map(Yaml::from),
        any::<u64>().prop_map(Yaml::from),
        any::<f64>().prop_map(Yaml::from),
        yaml_text().prop_map(Yaml::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Yaml::from),
            prop::collection::hash_map(yaml_text(), inner, 0..6)
                .prop_map(|members| Yaml::Mapping(members.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

fn json_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        hostile_text().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::hash_map(hostile_text(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Writes JSON as no tidy program would: escapes by chance, blanks of all kinds.
fn write_json(value: &Json, chance: &mut impl FnMut(u32) -> u32, to: &mut String) {
    let blank = |chance: &mut dyn FnMut(u32) -> u32, to: &mut String| {
        to.push_str(["", "", "", " ", "\n", "\t", "\r\n", "  "][chance(8) as usize]);
    };
    blank(chance, to);
    match value {
        Json::String(text) => write_json_text(text, chance, to),
        Json::Array(items) => {
            to.push('[');
            for (i, item) in items.iter().enumerate() {
                to.push_str(if i > 0 { "," } else { "" });
                write_json(item, chance, to);
            }
            blank(chance, to);
            to.push(']');
        }
        Json::Object(members) => {
            to.push('{');
            for (i, (key, member)) in members.iter().enumerate() {
                to.push_str(if i > 0 { "," } else { "" });
                blank(chance, to);
                write_json_text(key, chance, to);
                // What stands between a key and its colon must stay on the line in YAML.
                to.push_str(["", " ", "\t"][chance(3) as usize]);
                to.push(':');
                write_json(member, chance, to);
            }
            blank(chance, to);
            to.push('}');
        }
        plain => to.push_str(&plain.to_string()),
    }
    blank(chance, to);
}

fn write_json_text(text: &str, chance: &mut impl FnMut(u32) -> u32, to: &mut String) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => to.extend(['\\', c]),
            '/' if chance(2) == 0 => to.push_str("\\/"),
            '\n' if chance(2) == 0 => to.push_str("\\n"),
            c if (c as u32) < 0x20 || chance(4) == 0 => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    to.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => to.push(c),
        }
    }
    to.push('"');
}

/// Equal, but for the last bit of a floating-point number: serde_json rounds faster than right.
fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same_json(a, b))
        }
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            (a - b).abs() <= a.abs() * 1e-15
        }
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn what_serde_yaml_writes_means_the_same(value in yaml_value()) {
        let text = serde_yaml::to_string(&value).expect("YAML");
        // serde_yaml does not read all that it writes; what it does not is no yardstick.
        if let Ok(again) = serde_yaml::from_str::<Yaml>(&text)
            && !again.is_null()
        {
            let node = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert!(same(&node, &again), "\n{}\nserde_yaml: {:?}\nours: {:?}", text, again, node);
        }
    }

    #[test]
    fn json_means_what_serde_json_reads(value in json_value(), seed in any::<u64>()) {
        let mut state = seed | 1;
        let mut chance = |below: u32| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as u32 % below
        };
        let mut text = String::new();
        write_json(&serde_json::json!({"a": value}), &mut chance, &mut text);
        let theirs: Json = serde_json::from_str(&text).expect("JSON");
        let node = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text:?}")))?;
        let ours = to_json(&node);
        prop_assert!(same_json(&ours, &theirs), "\n{:?}\nserde_json: {}\nours: {}", text, theirs, ours);
    }
}
