//! Targets to requests: places are filled, fields are encoded.

use std::fs;

use form_urlencoded::Serializer;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::multipart::{self, Part};
use crate::case::{Ask, Body, Query, Text, Upload, Values};
use crate::http::Request;

/// What can't stand in a request line as it is; `%` can, for what is encoded already is left alone.
const REQUEST_LINE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The request that a target makes. `base` is what the server's URL puts before every path.
///
/// # Errors
///
/// When what is filled in makes a request that can't be sent.
pub(crate) fn fill(ask: &Ask, base: &str, values: &dyn Values) -> Result<Request, String> {
    let target = target(ask, base, values)?;
    let mut request = Request::new(&ask.method, &target);
    for (name, value) in &ask.headers {
        request.headers.push((name.clone(), header_value(name, value, values)?));
    }
    let (body, implied) = body(&ask.body, values)?;
    let given = ask.content_type.as_ref().map(|text| header_value("Content-Type", text, values)).transpose()?;
    // The boundary belongs to the type, so a multipart body always has its own.
    let kind = if matches!(ask.body, Body::Multipart(..)) { implied } else { given.or(implied) };
    if let Some(kind) = kind.filter(|_| request.header("Content-Type").is_none()) {
        request.headers.push(("Content-Type".into(), kind));
    }
    request.body = body;
    Ok(request)
}

/// A path as it is sent, and as paths are compared.
pub(super) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, REQUEST_LINE).to_string()
}

fn target(ask: &Ask, base: &str, values: &dyn Values) -> Result<String, String> {
    let path = ask.path.fill(values);
    if path.contains(['\r', '\n', '\0']) {
        return Err(format!("the path {path:?} has a line break in it"));
    }
    if !path.starts_with('/') && path != "*" {
        return Err(format!("the path {path:?} does not begin with `/`"));
    }
    let mut target = format!("{base}{}", encode_path(&path));
    let query = match &ask.query {
        Query::None => return Ok(target),
        Query::Text(text) => encode_path(text.fill(values).trim_start_matches('?')),
        Query::Fields(fields) => form(fields, values),
    };
    if !query.is_empty() {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&query);
    }
    Ok(target)
}

fn form(fields: &[(String, Text)], values: &dyn Values) -> String {
    let mut encoded = Serializer::new(String::new());
    for (name, value) in fields {
        encoded.append_pair(name, &value.fill(values));
    }
    encoded.finish()
}

fn header_value(name: &str, value: &Text, values: &dyn Values) -> Result<String, String> {
    let value = value.fill(values);
    match value.contains(['\r', '\n', '\0']) {
        true => Err(format!("the header `{name}` would have a line break in it: {value:?}")),
        false => Ok(value),
    }
}

/// The body, and the Content-Type that it implies.
fn body(body: &Body, values: &dyn Values) -> Result<(Option<Vec<u8>>, Option<String>), String> {
    let read =
        |path: &std::path::Path| fs::read(path).map_err(|error| format!("can't read `{}`: {error}", path.display()));
    Ok(match body {
        Body::None => (None, None),
        Body::Text(text) => (Some(text.fill(values).into_bytes()), None),
        Body::File(path) => (Some(read(path)?), None),
        Body::Json(json) => (Some(json.fill(values).to_string().into_bytes()), Some("application/json".into())),
        Body::Form(fields) => {
            (Some(form(fields, values).into_bytes()), Some("application/x-www-form-urlencoded".into()))
        }
        Body::Multipart(fields, files) => {
            let fields = fields.iter().map(|(name, value)| {
                Ok(Part { field: name.clone(), file: None, content: value.fill(values).into_bytes() })
            });
            let files = files.iter().map(|upload: &Upload| {
                let kind = header_value("Content-Type", &upload.content_type, values)?;
                let file = Some((upload.filename.fill(values), kind));
                Ok(Part { field: upload.field.clone(), file, content: read(&upload.path)? })
            });
            let parts = fields.chain(files).collect::<Result<Vec<_>, String>>()?;
            let (body, boundary) = multipart::encode(&parts);
            (Some(body), Some(format!("multipart/form-data; boundary={boundary}")))
        }
    })
}
