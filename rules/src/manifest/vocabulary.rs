//! Every key that a manifest may have, with its meaning and the shape of its value.
//!
//! The reader takes its did-you-mean from here, `foresee schema` its JSON Schema: what is not in these tables does not
//! exist.

/// A key of a mapping.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What it means, for the schema's `description`.
    pub(crate) doc: &'static str,
    pub(crate) shape: Shape,
}

/// The shape of a value.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Any scalar but null; it is taken as written.
    Text,
    /// A string, and nothing else.
    String,
    /// Any value.
    Json,
    Boolean,
    Number,
    /// A whole number of at least this.
    Integer(u64),
    /// `500ms`, `20s`, `2m`.
    Duration,
    /// Bytes: a number, or `64MiB`.
    Size,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these.
    List(&'static Shape),
    /// A mapping of any names to these.
    Map(&'static Shape),
    /// A mapping with just these keys.
    Object(&'static [Key]),
    /// A shape that the schema defines by this name.
    Named(&'static str),
    /// One of these shapes.
    Either(&'static [Shape]),
}

use Shape::{
    Boolean, Duration, Either, Integer, Json, List, Map, Named, Number, Object, Size, String as Str, Text, Word,
};

const fn key(name: &'static str, doc: &'static str, shape: Shape) -> Key {
    Key { name, doc, shape }
}

const NAMES: Shape = List(&Str);
const ONE_OR_MORE_TEXTS: Shape = Either(&[Text, List(&Text)]);
const ONE_OR_MORE_STRINGS: Shape = Either(&[Str, List(&Str)]);

/// Settings that a file and a case share.
const TIMEOUT: Key = key("timeout", "How long one wait, kill, run, readiness or request may take (20s).", Duration);
const DEADLINE: Key = key("deadline", "How long a whole case may take (unbounded).", Duration);
const ATTEMPTS: Key =
    key("attempts", "How often a case may be tried; one that fails and then passes is flaky.", Integer(1));
const ENV: Key = key("env", "Environment variables of the processes.", Map(&Text));
const INHERIT_ENV: Key = key("inherit_env", "Names of variables taken over from the caller.", NAMES);
const VARS: Key = key("vars", "Values for `${NAME}`.", Map(&Json));
const INPUTS: Key =
    key("inputs", "Files and directories, relative to the manifest, copied into the work directory.", NAMES);
const LIMITS_KEY: Key = key("limits", "What the processes may use.", Object(LIMITS));
const SANDBOX_KEY: Key = key("sandbox", "How cases are kept apart from the machine.", Object(SANDBOX));
const APP_KEY: Key = key("app", "The app that targets talk to, started afresh for every case.", Named("app"));

/// Keys of a manifest that are not cases.
pub(crate) const SETTINGS: &[Key] = &[
    key("$schema", "Where an editor finds the JSON Schema; without meaning here.", Str),
    key("version", "The number of this format: 1.", Integer(1)),
    key("name", "Stands for the file's path in suite and class names.", Str),
    APP_KEY,
    ATTEMPTS,
    DEADLINE,
    ENV,
    key("include", "Other manifests whose cases are run, too.", NAMES),
    INHERIT_ENV,
    INPUTS,
    LIMITS_KEY,
    SANDBOX_KEY,
    key("secrets", "Names of environment variables whose values are masked in logs and reports.", NAMES),
    TIMEOUT,
    VARS,
];

/// Keys of a case in its long form.
pub(crate) const CASE: &[Key] = &[
    key("steps", "What is done, one after the other.", Named("steps")),
    APP_KEY,
    ATTEMPTS,
    DEADLINE,
    ENV,
    INHERIT_ENV,
    INPUTS,
    LIMITS_KEY,
    SANDBOX_KEY,
    key("skip", "Why the case is not run.", Str),
    TIMEOUT,
    VARS,
];

pub(crate) const LIMITS: &[Key] = &[
    key("memory", "Memory that the processes of a case may have resident, together.", Size),
    key("processes", "Number of processes and threads of a case, together.", Integer(1)),
    key("open_files", "Descriptors of a process.", Integer(4)),
    key("cpu", "Processor time of a process.", Duration),
    key("file_size", "Bytes of any one file.", Size),
    key("log", "Bytes of each log stream (64MiB); more fails the case.", Size),
    key("body", "Bytes of a response's body (16MiB).", Size),
];

pub(crate) const VIEWS: &[&str] = &["host", "declared"];
pub(crate) const NETWORKS: &[&str] = &["private", "host"];
pub(crate) const ORPHANS: &[&str] = &["fail", "reap"];

pub(crate) const SANDBOX: &[Key] = &[
    key("view", "What of the host's file system is seen: all of it, read-only, or just what is declared.", Word(VIEWS)),
    key("network", "A loopback of its own, or the host's network.", Word(NETWORKS)),
    key("require", "Facets of isolation without which the case may not run.", NAMES),
    key("orphans", "What happens to descendants that outlive the case.", Word(ORPHANS)),
];

/// Keys that are the operator of a step.
pub(crate) const OPERATORS: &[Key] = &[
    key("spawn", "Start a process.", Named("spawn")),
    key("spawnPar", "Start several processes.", List(&Named("spawn"))),
    key(
        "wait",
        "Wait for the exit of a process: `NAME` (status 0) or `{NAME: STATUS}`.",
        Either(&[Str, Map(&Named("status"))]),
    ),
    key("waitPar", "Wait for the exits of several processes, in any order.", Either(&[NAMES, Map(&Named("status"))])),
    key("kill", "Signal processes (SIGTERM), then wait for all of them.", Either(&[Str, NAMES, Map(&Named("status"))])),
    key("run", "Start a process and wait for its exit.", Named("spawn")),
    key("signal", "Send a signal and go on.", Map(&Named("signal"))),
    key("ready", "Hold until a process is ready.", Map(&Named("condition"))),
];

/// Keys beside any operator.
pub(crate) const STEP: &[Key] = &[key("name", "Replaces `OP NAME` in the names of test cases.", Str), TIMEOUT];

/// Keys beside `kill`.
pub(crate) const KILL: &[Key] = &[
    key("signal", "What is sent instead of SIGTERM.", Named("signal")),
    key("grace", "How long to wait before SIGKILL goes to the process's group; the case fails then.", Duration),
];

/// Keys beside `run`.
pub(crate) const RUN: &[Key] = &[key("status", "How the process must end (0).", Named("status"))];

/// Constraints beside `run` and a `wait` for one process.
pub(crate) const OUTPUTS: &[Key] = &[
    key("assert_stdout", "Standard output is this, but for one final newline.", Str),
    key("assert_stdout_contains", "Standard output contains this, or all of these.", ONE_OR_MORE_STRINGS),
    key(
        "assert_stdout_matches",
        "This regular expression, or each of these, matches in standard output.",
        ONE_OR_MORE_STRINGS,
    ),
    key("assert_stdout_json", "Standard output is this JSON value.", Json),
    key("assert_stderr", "Standard error is this, but for one final newline.", Str),
    key("assert_stderr_contains", "Standard error contains this, or all of these.", ONE_OR_MORE_STRINGS),
    key(
        "assert_stderr_matches",
        "This regular expression, or each of these, matches in standard error.",
        ONE_OR_MORE_STRINGS,
    ),
    key("assert_stderr_json", "Standard error is this JSON value.", Json),
];

/// Keys of a process in its long form.
pub(crate) const PROCESS: &[Key] = &[
    key("argv", "The program and its arguments.", List(&Text)),
    key("as", "What steps call it; unique in the case.", Str),
    key("cwd", "Its working directory, relative to the case's.", Text),
    key("env", "Environment variables of this process.", Map(&Text)),
    key("stdin", "What it reads: a text, or `{file: PATH}`; nothing otherwise.", Either(&[Text, Object(STDIN)])),
    key("listen", "Names of its ports, and how their numbers come about.", Named("listen")),
    key("reserve", "Whether its `auto` ports stay bound while it runs (true).", Boolean),
    key("ready", "Hold until this holds.", Named("condition")),
];

pub(crate) const STDIN: &[Key] = &[key("file", "A file, relative to the manifest.", Text)];

pub(crate) const PORT_KINDS: &[&str] = &["auto", "fd", "unix"];

/// Conditions of `ready`; exactly one of them.
pub(crate) const CONDITIONS: &[Key] = &[
    key("port", "This port accepts connections.", Str),
    key("http", "A GET of this path is answered below 500.", Either(&[Text, Object(CONDITION_HTTP)])),
    key("log", "This regular expression matches in what the process printed.", Str),
    key("file", "This file exists, relative to the work directory.", Text),
    key("exec", "This command exits 0.", List(&Text)),
];

pub(crate) const CONDITION_HTTP: &[Key] =
    &[key("port", "The port's name.", Str), key("path", "What is asked for.", Text)];

/// Keys of an app beside those of a process.
pub(crate) const APP: &[Key] = &[
    key("stop", "How it is stopped after the last step.", Object(STOP)),
    key("url", "An app that someone else runs: `http://127.0.0.1:PORT`.", Text),
];

pub(crate) const STOP: &[Key] = &[
    key("signal", "What is sent (SIGTERM).", Named("signal")),
    key("status", "How it must end (0, SIGTERM or 143).", Named("status")),
    key("grace", "How long it may take (10s).", Duration),
];

/// Keys of a target that say what is asked.
pub(crate) const TARGET: &[Key] = &[
    key("path", "The path that is asked for.", Text),
    key("method", "The method (GET).", Str),
    key("query_string", "The query, as text or as fields.", Either(&[Text, Map(&ONE_OR_MORE_TEXTS)])),
    key("headers", "Headers of the request.", Map(&ONE_OR_MORE_TEXTS)),
    key("content_type", "The Content-Type of the request.", Text),
    key("data", "The body: text as it is, a mapping as form fields.", Either(&[Text, Map(&ONE_OR_MORE_TEXTS)])),
    key("json", "The body, as JSON.", Json),
    key("body_file", "The body, from a file relative to the manifest.", Text),
    key(
        "files",
        "Files of a multipart form: a path, or `{path, filename, content_type}`.",
        Map(&Either(&[Text, Object(UPLOAD)])),
    ),
    key("follow_redirects", "Whether redirects are followed (false).", Boolean),
    key("to", "Who is asked: `PROCESS` or `PROCESS.PORT` (`app`).", Str),
    key("capture", "Takes values from the response, for `${NAME}`.", Map(&Object(CAPTURE))),
    key("retry", "Repeats the request until its constraints hold.", Object(RETRY)),
    key("skip", "Why the target is not asked.", Str),
];

/// Keys of a file in a multipart form.
pub(crate) const UPLOAD: &[Key] = &[
    key("path", "The file, relative to the manifest.", Text),
    key("filename", "What it is called in the form (its base name).", Text),
    key("content_type", "Its media type (application/octet-stream).", Text),
];

pub(crate) const CAPTURE: &[Key] = &[
    key("jsonpath", "The one node that this RFC 9535 path finds.", Str),
    key("header", "The header of this name.", Str),
    key("regex", "The first group of this regular expression, or all of its match.", Str),
    key("cookie", "The cookie of this name.", Str),
];

pub(crate) const RETRY: &[Key] =
    &[key("for", "How long at most.", Duration), key("every", "The pause between two requests (100ms).", Duration)];

/// Constraints of a target.
pub(crate) const CONSTRAINTS: &[Key] = &[
    key("assert_status", "The status: `200`, `2xx`, or a list.", Named("http_status")),
    key("assert_redirect", "A redirect to this path or URL.", Str),
    key("assert_header", "Headers, by name: text or a matcher.", Map(&Named("matcher"))),
    key("assert_contains", "The body contains this, or all of these.", ONE_OR_MORE_STRINGS),
    key("assert_not_contains", "The body contains none of these.", ONE_OR_MORE_STRINGS),
    key("assert_matches", "This regular expression, or each of these, matches in the body.", ONE_OR_MORE_STRINGS),
    key("assert_body", "The body is exactly this text, or `{file: PATH}`.", Either(&[Str, Object(STDIN)])),
    key("assert_json", "The body is this JSON value.", Json),
    key("assert_json_contains", "This is a part of the body's JSON value.", Json),
    key("assert_jsonpath", "What RFC 9535 paths find in the body: a value or a matcher.", Map(&Named("matcher"))),
    key("assert_cookie", "Cookies that the response sets.", Map(&Either(&[Text, Object(COOKIE)]))),
    key("assert_sha256", "The body's digest, in hexadecimal.", Str),
    key("assert_within", "The response took no longer than this.", Duration),
];

pub(crate) const SAME_SITE: &[&str] = &["Strict", "Lax", "None"];

pub(crate) const COOKIE: &[Key] = &[
    key("value", "Its value: text or a matcher.", Named("matcher")),
    key("path", "Its Path.", Str),
    key("http_only", "Whether it is HttpOnly.", Boolean),
    key("secure", "Whether it is Secure.", Boolean),
    key("same_site", "Its SameSite.", Word(SAME_SITE)),
    key("max_age", "Its Max-Age, in seconds: a number or a matcher.", Either(&[Number, Object(MATCHER)])),
];

pub(crate) const TYPES: &[&str] = &["string", "number", "integer", "boolean", "null", "array", "object"];

/// Keys of a matcher.
pub(crate) const MATCHER: &[Key] = &[
    key("equals", "It is this value.", Json),
    key("matches", "This regular expression matches in it.", Str),
    key("contains", "This text is part of it, or this value one of its items.", Json),
    key("exists", "Whether it is there at all.", Boolean),
    key("type", "Its type.", Word(TYPES)),
    key("length", "Its number of characters, items or members.", Integer(0)),
    key("count", "How many nodes the path finds.", Integer(0)),
    key("gt", "It is greater than this number.", Number),
    key("ge", "It is this number or greater.", Number),
    key("lt", "It is less than this number.", Number),
    key("le", "It is this number or less.", Number),
];

/// The names of a table's keys.
pub(crate) fn names(keys: &[Key]) -> impl Iterator<Item = &'static str> {
    keys.iter().map(|key| key.name)
}
