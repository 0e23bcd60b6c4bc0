//! The JSON Schema of a manifest, made from the tables that the reader uses.

use serde_json::{Map, Value, json};

use super::vocabulary::{
    APP, CASE, CONDITIONS, CONSTRAINTS, KILL, Key, MATCHER, OPERATORS, OUTPUTS, PORT_KINDS, PROCESS, RUN, SETTINGS,
    STEP, Shape, TARGET,
};

/// The JSON Schema (draft 2020-12) of a manifest.
#[must_use]
pub fn json_schema() -> Value {
    let mut properties = members(SETTINGS);
    properties.insert("version".into(), json!({"const": 1, "description": "The number of this format."}));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "foresee manifest",
        "description": "Cases of processes and HTTP requests in which nothing unforeseen may happen.",
        "type": "object",
        "properties": properties,
        "patternProperties": {
            "^x-": true,
            // What the reader takes for a letter beyond ASCII is left to it: not every regex dialect has such classes.
            "^[Tt][Ee][Ss][Tt][^\\x00-,/:-@\\[-^`{-\\x7f]*$": {"$ref": "#/$defs/case"},
        },
        "propertyNames": {"not": {"pattern": "^[Tt][Ee][Ss][Tt]([Ss]|[Ii][Nn][Gg])?$"}},
        "additionalProperties": false,
        "$defs": definitions(),
    })
}

fn definitions() -> Value {
    let seconds = json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$"});
    let size = json!({"type": ["string", "integer"], "pattern": "^[0-9]+ ?(B|kB|MB|GB|KiB|MiB|GiB)$", "minimum": 0});
    let one_status = json!({"anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 255},
        {"$ref": "#/$defs/signal"},
        {"enum": ["nonzero", "any"]},
    ]});
    let step = json!({"anyOf": operators().chain([target()]).collect::<Vec<_>>()});
    json!({
        "text": {"type": ["string", "number", "boolean"]},
        "duration": seconds,
        "size": size,
        "signal": {"type": "string", "pattern": "^SIG[A-Z0-9]+$"},
        "status": {"anyOf": [one_status, {"type": "array", "items": one_status, "minItems": 1}]},
        "http_status": {"anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 599},
            {"type": "string", "pattern": "^[1-5]xx$"},
            {"type": "array", "minItems": 1, "items": {"type": ["integer", "string"]}},
        ]},
        "case": {"anyOf": [{"$ref": "#/$defs/steps"}, object(&[CASE], &["steps"])]},
        "steps": {"anyOf": [
            {"$ref": "#/$defs/step"},
            {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 1},
        ]},
        "step": step,
        "argv": argv(),
        "spawn": {"anyOf": [argv(), object(&[PROCESS], &["argv"])]},
        "app": {"anyOf": [argv(), object(&[PROCESS, APP], &[])]},
        "listen": {"anyOf": [
            {"$ref": "#/$defs/port"},
            {"type": "array", "items": {"$ref": "#/$defs/port"}},
            {"type": "object", "propertyNames": {"$ref": "#/$defs/port"}, "additionalProperties": {"anyOf": [
                {"enum": PORT_KINDS},
                {"type": "integer", "minimum": 1, "maximum": 65535},
            ]}},
        ]},
        "port": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"},
        "condition": {"type": "object", "properties": members(CONDITIONS), "additionalProperties": false,
            "minProperties": 1, "maxProperties": 1},
        "matcher": {"anyOf": [
            {"type": ["string", "number", "boolean", "null", "array"]},
            object(&[MATCHER], &[]),
        ]},
    })
}

fn argv() -> Value {
    json!({"anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"$ref": "#/$defs/text"}, "minItems": 1},
    ]})
}

/// One schema for each operator: the operator itself and what may stand beside it.
fn operators() -> impl Iterator<Item = Value> {
    OPERATORS.iter().map(|operator| {
        let this = std::slice::from_ref(operator);
        match operator.name {
            "wait" => object(&[this, STEP, OUTPUTS], &["wait"]),
            "kill" => object(&[this, STEP, KILL], &["kill"]),
            "run" => object(&[this, STEP, RUN, OUTPUTS], &["run"]),
            name => object(&[this, STEP], &[name]),
        }
    })
}

fn target() -> Value {
    object(&[TARGET, STEP, CONSTRAINTS], &["path"])
}

fn object(tables: &[&[Key]], required: &[&str]) -> Value {
    let properties: Map<_, _> = tables.iter().flat_map(|table| members(table)).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn members(keys: &[Key]) -> Map<String, Value> {
    let member = |key: &Key| {
        let mut schema = shape(key.shape);
        if let Value::Object(members) = &mut schema {
            members.insert("description".into(), key.doc.into());
        }
        (key.name.to_owned(), schema)
    };
    keys.iter().map(member).collect()
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({"$ref": "#/$defs/text"}),
        Shape::String => json!({"type": "string"}),
        Shape::Json => json!({}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Number => json!({"type": "number"}),
        Shape::Integer(least) => json!({"type": "integer", "minimum": least}),
        Shape::Duration => json!({"$ref": "#/$defs/duration"}),
        Shape::Size => json!({"$ref": "#/$defs/size"}),
        Shape::Word(words) => json!({"enum": words}),
        Shape::List(items) => json!({"type": "array", "items": self::shape(*items)}),
        Shape::Map(values) => {
            json!({"type": "object", "additionalProperties": self::shape(*values)})
        }
        Shape::Object(keys) => object(&[keys], &[]),
        Shape::Named(name) => json!({"$ref": format!("#/$defs/{name}")}),
        Shape::Either(shapes) => {
            json!({"anyOf": shapes.iter().map(|s| self::shape(*s)).collect::<Vec<_>>()})
        }
    }
}
