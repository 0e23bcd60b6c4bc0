//! HTTP/1.1 as a client: one request at a time, to a server on this machine, within a time.
//!
//! The client is our own on top of `httparse`, for a test has needs that a client for the web does not serve: what the
//! server said is kept as it said it (reason phrase, order and letter case of headers), a wait for the socket is a
//! wait for the exit of a process as well, time is bounded by one deadline however the bytes trickle in, and nothing
//! but loopback can be reached. There are no threads, no pool and no proxies.

mod address;
mod connection;
mod content;
mod cookies;
mod message;
mod session;
mod socket;

use std::fmt;

pub use address::{Address, Url};
pub use message::{Request, Response};
pub use session::{Bounds, Session, host, is_redirect, location};
pub use socket::{Interrupt, NoInterrupt};

/// Why there is no response that could be judged.
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What happened, as the end of a sentence that begins with the request.
    pub message: String,
    /// What had come of the response by then, as it came; cut where it is long.
    pub received: Vec<u8>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nobody listens.
    Refused,
    /// The connection broke off, or what came is not HTTP.
    Broken,
    /// The time is up.
    Timeout,
    /// The [`Interrupt`] has given up.
    Interrupted,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), received: Vec::new() }
    }

    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Broken, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Asks once for `path`, for readiness: the status of the answer.
///
/// # Errors
///
/// When there is no answer, or one that is not HTTP.
pub fn get(
    address: &Address,
    path: &str,
    deadline: std::time::Instant,
    interrupt: &mut dyn Interrupt,
) -> Result<u16, Error> {
    let mut request = Request::new("GET", path);
    // The connection is not kept: a server that serves one after the other must be free for the first target.
    request.headers.push(("Connection".into(), "close".into()));
    let response = connection::probe(address, &request, deadline, interrupt)?;
    Ok(response.status)
}
