//! Targets of a usecase: what is asked, and what must hold of the answer.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CheckId, JsonText, PortId, ProcessId, Text};
use crate::http::Address;
use crate::source::Span;

/// The app of a case, where the case has one that foresee starts.
///
/// Its life is made of ordinary steps: a `spawn` and a `ready` before the first, a `kill` after the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its process.
    pub process: ProcessId,
    /// The step that stops it; `None` when the case waits for it or kills it by itself.
    pub stop: Option<usize>,
}

/// A request, and what must hold of its response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// `METHOD PATH`, or what the step is named.
    pub name: String,
    /// File name of its response in the case's log directory.
    pub log: String,
    /// Who is asked.
    pub server: Server,
    /// What is asked.
    pub ask: Ask,
    /// Whether, and for how long, it is asked again until everything holds.
    pub retry: Option<Retry>,
    /// Why it is not asked, when it is not.
    pub skip: Option<String>,
    /// What must hold, in order of writing; never empty.
    pub constraints: Vec<Constraint>,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Server {
    /// A port of a process of the case.
    Port(PortId),
    /// Somebody else's, and what its URL puts before every path.
    Outside(Address, String),
}

/// When a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// For how long.
    pub patience: Duration,
    /// The pause between two requests.
    pub every: Duration,
}

/// A request with places to be filled in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The method, as written.
    pub method: String,
    /// The path, perhaps with a query.
    pub path: Text,
    /// Where the path stands.
    pub path_span: Span,
    /// The query.
    pub query: Query,
    /// Headers, in order.
    pub headers: Vec<(String, Text)>,
    /// The Content-Type, when it is not the one that the body implies.
    pub content_type: Option<Text>,
    /// The body.
    pub body: Body,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
}

/// What stands after the `?`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// Nothing more than the path has.
    None,
    /// This, as it is.
    Text(Text),
    /// These fields, to be encoded.
    Fields(Vec<(String, Text)>),
}

/// What a request carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Body {
    /// Nothing.
    None,
    /// This, as it is.
    Text(Text),
    /// The contents of this file.
    File(PathBuf),
    /// This JSON value.
    Json(JsonText),
    /// Fields, as `application/x-www-form-urlencoded`.
    Form(Vec<(String, Text)>),
    /// Fields and files, as `multipart/form-data`.
    Multipart(Vec<(String, Text)>, Vec<Upload>),
}

/// A file of a multipart form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// The field's name.
    pub field: String,
    /// Where the file is.
    pub path: PathBuf,
    /// What it is called in the form.
    pub filename: Text,
    /// Its media type.
    pub content_type: Text,
}

/// One thing that must hold of a response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Constraint {
    /// The test case that it decides.
    pub check: CheckId,
    /// `assert_…`, or `capture NAME`.
    pub key: String,
    /// Where its value stands.
    pub span: Span,
    /// What must hold.
    pub expected: Expected,
}

/// What must hold of a response; the table of the contract's section 4.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Expected {
    /// The status is one of these.
    Status(Vec<StatusPattern>),
    /// It is a redirect to this path, or URL.
    Redirect(Text),
    /// Headers of these names match.
    Header(Vec<Named<Matcher>>),
    /// The body contains each of these.
    Contains(Vec<Text>),
    /// The body contains none of these.
    NotContains(Vec<Text>),
    /// Each of these regular expressions matches in the body.
    Matches(Vec<Text>),
    /// The body is exactly this text.
    Body(Text),
    /// The body is exactly what this file has.
    BodyFile(PathBuf),
    /// The body is this JSON value.
    Json(JsonText),
    /// This is a part of the body's JSON value.
    JsonContains(JsonText),
    /// What these paths find in the body matches.
    JsonPath(Vec<Named<Matcher>>),
    /// The response sets these cookies.
    Cookie(Vec<Named<CookieExpectation>>),
    /// The body has this digest.
    Sha256(Text),
    /// The response took no longer.
    Within(Duration),
    /// There is something to be captured under this name.
    Capture(String, Source),
}

/// A status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusPattern {
    /// `200`.
    Exactly(u16),
    /// `2xx`, by its first digit.
    Class(u16),
}

/// Something expected of a header, path or cookie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Named<T> {
    /// Of which one.
    pub name: String,
    /// Where what is expected stands.
    pub span: Span,
    /// What is expected.
    pub expected: T,
}

/// Tests, all of which must hold of one value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Matcher(pub Vec<Test>);

/// One key of a matcher.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Test {
    /// It is this value.
    Equals(JsonText),
    /// This regular expression matches in it.
    Matches(Text),
    /// It is a text that contains this one, or an array that has this item.
    Contains(JsonText),
    /// Whether it is there.
    Exists(bool),
    /// Its type, by the word of the manifest.
    Type(String),
    /// Its number of characters, items or members.
    Length(u64),
    /// How many there are.
    Count(u64),
    /// It compares so with this number.
    Compare(Comparison, JsonText),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// What is expected of a cookie.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CookieExpectation {
    /// Its value.
    pub value: Option<Matcher>,
    /// Its Path.
    pub path: Option<Text>,
    /// Whether it is HttpOnly.
    pub http_only: Option<bool>,
    /// Whether it is Secure.
    pub secure: Option<bool>,
    /// Its SameSite.
    pub same_site: Option<String>,
    /// Its Max-Age, in seconds.
    pub max_age: Option<Matcher>,
}

/// Where a captured value comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Source {
    /// The one node that this path finds in the body.
    JsonPath(String),
    /// The first header of this name.
    Header(String),
    /// The first group of this regular expression in the body, or all of its match.
    Regex(Text),
    /// The cookie of this name that the response sets.
    Cookie(String),
}
