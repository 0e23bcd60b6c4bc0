//! A document as a tree in which every node knows its place: the raw form, before any meaning.

use crate::source::Span;

/// One value of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A scalar, with its text as written (after unescaping), and whether it was written without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    /// A mapping in the order of writing; keys are scalars and differ from one another.
    Mapping(Vec<Entry>),
}

/// One key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) node: Node,
}

/// A scalar under the YAML 1.2 core schema (section 10.3.2 of the specification).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'a str),
}

impl Node {
    /// The scalar's value by the core schema; `None` for sequences and mappings.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(resolve_plain(text)),
            Value::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            _ => None,
        }
    }

    /// What kind of thing this is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match (&self.value, self.scalar()) {
            (Value::Sequence(_), _) => "a list",
            (Value::Mapping(_), _) => "a mapping",
            (_, Some(Scalar::Null)) => "nothing (null)",
            (_, Some(Scalar::Bool(_))) => "a boolean",
            (_, Some(Scalar::Int(_))) => "a number",
            (_, Some(Scalar::Float(_))) => "a floating-point number",
            _ => "text",
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }
}

pub(super) fn resolve_plain(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Scalar::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    let radix = |prefix, radix| text.strip_prefix(prefix).and_then(|digits| i128::from_str_radix(digits, radix).ok());
    if let Some(value) = radix("0o", 8).or_else(|| radix("0x", 16)).filter(|_| !text[2..].starts_with(['+', '-'])) {
        return Scalar::Int(value);
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_or_else(|_| float(text), Scalar::Int);
    }
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if numeric { float(text) } else { Scalar::Text(text) }
}

fn float(text: &str) -> Scalar<'_> {
    text.parse().map_or(Scalar::Text(text), Scalar::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, want) in [
            ("~", Scalar::Null),
            ("True", Scalar::Bool(true)),
            ("0644", Scalar::Int(644)),
            ("0o17", Scalar::Int(15)),
            ("0xff", Scalar::Int(255)),
            ("-12", Scalar::Int(-12)),
            ("+.5", Scalar::Float(0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(resolve_plain(text), want, "{text}");
        }
        for text in ["yes", "no", "on", "1_000", "0x", "0x-1", "1.2.3", ".", "-", "e3", "1 2", "12e", "2001-01-01", "é"]
        {
            assert_eq!(resolve_plain(text), Scalar::Text(text), "{text}");
        }
    }
}
