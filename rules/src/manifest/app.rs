//! `app`: the server that the targets of a case ask, started afresh for each.

use std::time::Duration;

use super::node::Node;
use super::process::{RawPort, RawProcess, read_process, read_process_fields};
use super::reader::{Fields, Problems, RawText};
use super::scope::Scope;
use super::vocabulary::{APP, PROCESS, STOP};
use crate::case::{Network, PortKind, SandboxWish, Server, Status, StatusSet};
use crate::diagnostic::Diagnostic;
use crate::http::Url;
use crate::source::Span;

/// How long the app may take to stop.
const GRACE: Duration = Duration::from_secs(10);

/// An app as it was written.
#[derive(Debug)]
pub(super) enum RawApp {
    /// One that is started.
    Started(Box<RawProcess>, Stop),
    /// One that somebody else runs.
    Outside(RawText),
}

/// How an app is stopped.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) signal: i32,
    pub(super) status: StatusSet,
    pub(super) grace: Duration,
    /// Where it stands; where the app stands when nothing was written.
    pub(super) span: Span,
}

/// Reads the setting `app`.
pub(super) fn read_app(node: &Node, problems: &Problems) -> Option<RawApp> {
    let app = match node.entries() {
        None => RawApp::Started(Box::new(read_process(node, "app", problems)?), default_stop(node.span)),
        Some(_) => {
            let fields = Fields::open(node, "`app`", &[PROCESS, APP], problems)?;
            if let Some(url) = fields.get("url") {
                return read_outside(node, url, problems);
            }
            let process = read_process_fields(node, fields, "app", problems)?;
            let stop = fields.get("stop").map_or_else(|| default_stop(process.argv[0].1), |n| read_stop(n, problems));
            RawApp::Started(Box::new(process), stop)
        }
    };
    let RawApp::Started(mut process, stop) = app else { return Some(app) };
    if let Some((_, span)) = &process.named {
        problems.add(Diagnostic::error(*span, "an app is always called `app`").help("leave `as` out"));
    }
    if process.listen.is_empty() {
        process.listen.push(RawPort { name: ("http".into(), process.argv[0].1), kind: PortKind::Auto });
    }
    Some(RawApp::Started(process, stop))
}

fn read_outside(node: &Node, url: &Node, problems: &Problems) -> Option<RawApp> {
    let other = node.entries().unwrap_or_default().iter().find(|entry| entry.key != "url");
    if let Some(other) = other {
        problems.add(
            Diagnostic::error(other.key_span, format!("`{}` beside `url`: this app is not started here", other.key))
                .help("write the URL alone, or leave it out and write `argv`"),
        );
    }
    problems.text(url, "`url`").map(RawApp::Outside)
}

fn default_stop(span: Span) -> Stop {
    Stop { signal: libc::SIGTERM, status: stopped_by(libc::SIGTERM), grace: GRACE, span }
}

/// 0, or what the signal makes of a program that does not handle it.
fn stopped_by(signal: i32) -> StatusSet {
    let killed = StatusSet::killed_by(signal).0;
    StatusSet(std::iter::once(Status::Code(0)).chain(killed).collect())
}

fn read_stop(node: &Node, problems: &Problems) -> Stop {
    let Some(fields) = Fields::open(node, "`stop`", &[STOP], problems) else { return default_stop(node.span) };
    let signal = fields.get("signal").and_then(|n| problems.signal(n, "`signal`")).unwrap_or(libc::SIGTERM);
    Stop {
        signal,
        status: fields.get("status").and_then(|n| problems.status(n, "`status`")).unwrap_or_else(|| stopped_by(signal)),
        grace: fields.get("grace").and_then(|n| problems.duration(n, "`grace`")).unwrap_or(GRACE),
        span: fields.get("status").map_or(node.span, |n| n.span),
    }
}

/// The server behind a URL.
pub(super) fn outside(url: &RawText, sandbox: &SandboxWish, scope: &Scope<'_>) -> Option<Server> {
    let text = scope.known(url, "the URL of the app")?;
    if sandbox.network != Network::Host {
        scope.problems.add(
            Diagnostic::error(url.1, "an app that someone else runs can't be reached from a private network")
                .help("share the host's network: `sandbox: {network: host}`"),
        );
    }
    match Url::parse(&text) {
        Ok(url) if !url.target.contains('?') => {
            Some(Server::Outside(url.address, url.target.trim_end_matches('/').to_owned()))
        }
        Ok(_) => {
            scope.problems.error(url.1, "the URL of the app can't have a query");
            None
        }
        Err(reason) => {
            scope.problems.add(Diagnostic::error(url.1, reason).help("write `http://127.0.0.1:PORT`"));
            None
        }
    }
}
