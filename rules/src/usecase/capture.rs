//! Taking a value out of a response, for later steps.

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::Answer;
use super::judge::Mismatch;
use crate::case::{Source, Values};
use crate::json::show;

/// The value that `source` finds.
pub(super) fn capture(source: &Source, answer: &Answer<'_>, values: &dyn Values) -> Result<Value, Mismatch> {
    match source {
        Source::JsonPath(path) => {
            let json = answer.json()?;
            let query = JsonPath::parse(path).map_err(|error| Mismatch::new(error.to_string()))?;
            match query.query(json).all().as_slice() {
                [one] => Ok((*one).clone()),
                [] => Err(Mismatch::new(format!("`{path}` finds nothing in the body")).label("finds nothing")),
                several => {
                    let shown: Vec<_> = several.iter().take(3).map(|value| show(value)).collect();
                    let more = if several.len() > 3 { ", …" } else { "" };
                    Err(Mismatch::new(format!("`{path}` finds {} values, not one", several.len()))
                        .label(format!("finds {}{more}", shown.join(", "))))
                }
            }
        }
        Source::Header(name) => answer
            .response
            .header(name)
            .next()
            .map(Value::from)
            .ok_or_else(|| Mismatch::new(format!("the response has no header `{name}`")).label("no such header")),
        Source::Cookie(name) => answer
            .cookie(name)
            .map(|cookie| Value::from(cookie.value()))
            .ok_or_else(|| Mismatch::new(format!("the response sets no cookie `{name}`")).label("no such cookie")),
        Source::Regex(pattern) => {
            let pattern = pattern.fill_regex(values);
            let regex = Regex::new(&pattern).map_err(|error| Mismatch::new(error.to_string()))?;
            let text = answer.text();
            let found = regex.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0)));
            found.map(|found| Value::from(found.as_str())).ok_or_else(|| {
                Mismatch::new(format!("`{pattern}` does not match in the body"))
                    .label(format!("no match in {}", answer.kind_of_body()))
            })
        }
    }
}
