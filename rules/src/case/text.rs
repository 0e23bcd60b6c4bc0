//! Text with places to be filled in at run time.

use serde::{Deserialize, Serialize};

use super::PortId;

/// Text with places to be filled in. What is known at load time (`vars`, `${manifest}`, `${runfiles}`) already is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text(pub Vec<Piece>);

/// A part of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// As it stands.
    Literal(String),
    /// A port's number.
    Port(PortId),
    /// A unix socket's path.
    Socket(PortId),
    /// The case's work directory.
    Dir,
    /// A variable of the environment.
    Env(String),
    /// What a `capture` took from a response.
    Capture(String),
}

/// What the places are filled with.
pub trait Values {
    /// The number of a port.
    fn port(&self, port: PortId) -> String;
    /// The path of a unix socket.
    fn socket(&self, port: PortId) -> String;
    /// The case's work directory.
    fn dir(&self) -> String;
    /// A variable of the environment; empty when it is not set.
    fn env(&self, name: &str) -> String;
    /// What was captured under a name.
    fn capture(&self, name: &str) -> serde_json::Value;
}

impl Text {
    /// Text without any place to be filled in.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Piece::Literal(text.into())])
    }

    /// The text when it has no place to be filled in.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with all places filled in.
    #[must_use]
    pub fn fill(&self, values: &dyn Values) -> String {
        self.fill_with(values, str::to_owned)
    }

    /// As [`Text::fill`], for a regular expression: what is filled in is escaped and stands for itself.
    #[must_use]
    pub fn fill_regex(&self, values: &dyn Values) -> String {
        self.fill_with(values, regex::escape)
    }

    fn fill_with(&self, values: &dyn Values, quote: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Port(port) => filled.push_str(&quote(&values.port(*port))),
                Piece::Socket(port) => filled.push_str(&quote(&values.socket(*port))),
                Piece::Dir => filled.push_str(&quote(&values.dir())),
                Piece::Env(name) => filled.push_str(&quote(&values.env(name))),
                Piece::Capture(name) => filled.push_str(&quote(&plain(&values.capture(name)))),
            }
        }
        filled
    }
}

/// A captured value where text is wanted: strings without quotes, all else as JSON.
fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A JSON value whose strings may have places to be filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JsonText {
    /// Null, a boolean or a number.
    Plain(#[serde(with = "as_json")] serde_json::Value),
    /// A string; one that is just `${NAME}` of a capture becomes the captured value, with its type.
    Text(Text),
    /// An array.
    Array(Vec<JsonText>),
    /// An object, in order of writing.
    Object(Vec<(String, JsonText)>),
}

impl JsonText {
    /// The value with all places filled in.
    #[must_use]
    pub fn fill(&self, values: &dyn Values) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Plain(value) => value.clone(),
            Self::Text(Text(pieces)) if matches!(pieces.as_slice(), [Piece::Capture(_)]) => match &pieces[0] {
                Piece::Capture(name) => values.capture(name),
                _ => Value::Null,
            },
            Self::Text(text) => Value::String(text.fill(values)),
            Self::Array(items) => Value::Array(items.iter().map(|item| item.fill(values)).collect()),
            Self::Object(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), value.fill(values))).collect())
            }
        }
    }
}

/// A JSON value as its text, for formats that don't tell of what type a value is.
mod as_json {
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
