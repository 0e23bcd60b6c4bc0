//! A response with what constraints ask of it again and again.

use std::borrow::Cow;
use std::cell::OnceCell;

use cookie::Cookie;
use serde_json::Value;

use super::judge::Mismatch;
use crate::http::Response;
use crate::shown;

/// A response that is being judged.
pub(crate) struct Answer<'r> {
    pub(crate) response: &'r Response,
    /// Where its Location points, as a whole URL.
    pub(super) location: Option<String>,
    json: OnceCell<Result<Value, String>>,
}

impl<'r> Answer<'r> {
    pub(crate) fn new(response: &'r Response, location: Option<String>) -> Self {
        Self { response, location, json: OnceCell::new() }
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self) -> Cow<'r, str> {
        String::from_utf8_lossy(&self.response.body)
    }

    /// The body as JSON, parsed once.
    pub(super) fn json(&self) -> Result<&Value, Mismatch> {
        let parsed = self.json.get_or_init(|| {
            let body = &self.response.body;
            match body.is_empty() {
                true => Err("it is empty".to_owned()),
                false => serde_json::from_slice(body).map_err(|error| error.to_string()),
            }
        });
        parsed.as_ref().map_err(|reason| {
            Mismatch::new(format!("the body is not JSON: {reason}")).label(format!("got {}", self.kind_of_body()))
        })
    }

    /// The cookie of this name that the response sets; the last one counts, as in a browser.
    pub(super) fn cookie(&self, name: &str) -> Option<Cookie<'r>> {
        let set = self.response.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case("Set-Cookie"));
        set.filter_map(|(_, value)| Cookie::parse(value.as_str()).ok()).rfind(|cookie| cookie.name() == name)
    }

    /// `812 B of text/plain`.
    pub(super) fn kind_of_body(&self) -> String {
        let size = shown::size(self.response.body.len());
        match self.content_type() {
            Some(kind) => format!("{size} of {kind}"),
            None => size,
        }
    }

    fn content_type(&self) -> Option<&'r str> {
        let value = &self.response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Type"))?.1;
        Some(value.split(';').next().unwrap_or("").trim())
    }

    /// One line on the whole response: status, type, size, time.
    pub(crate) fn summary(&self) -> String {
        let response = self.response;
        let mut parts = vec![response.status_text()];
        parts.extend(self.content_type().map(str::to_owned));
        parts.push(shown::size(response.body.len()));
        parts.push(shown::time(response.time));
        parts.join(", ")
    }

    /// The beginning of the body, for people; `None` when it is empty.
    pub(crate) fn head(&self) -> Option<String> {
        let body = &self.response.body;
        if body.is_empty() {
            return None;
        }
        Some(shown::head_of(body))
    }
}
