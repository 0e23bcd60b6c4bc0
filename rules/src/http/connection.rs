//! One exchange on one connection.

use std::time::Instant;

use super::content::{decode, too_large};
use super::message::{Framing, MAX_HEAD, framing, keeps_alive, parse_head};
use super::socket::{Socket, Wait};
use super::{Address, Error, ErrorKind, Interrupt, Request, Response};

/// Interim responses (1xx) beyond this many are no way to answer.
const MAX_INTERIM: usize = 16;

/// Of a broken response at most this much is kept to be shown.
const MAX_RECEIVED: usize = 64 << 10;

/// A probe for readiness does not care for bodies, but reads small ones so that the server is not cut off.
const PROBE_BODY: u64 = 16 << 20;

/// A connection on which requests can be sent, one after the other.
pub(super) struct Connection {
    socket: Socket,
    /// What has come and was not yet read.
    buffer: Vec<u8>,
    /// Room for what comes.
    chunk: Vec<u8>,
}

/// Bytes that are taken in at once.
const CHUNK: usize = 8 << 10;

impl Connection {
    pub(super) fn open(address: &Address, wait: &mut Wait<'_>) -> Result<Self, Error> {
        Ok(Self { socket: Socket::connect(address, wait)?, buffer: Vec::new(), chunk: vec![0; CHUNK] })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.buffer.is_empty() && self.socket.is_idle()
    }

    /// Sends a request and reads its response; whether the connection can be used again is told beside it.
    pub(super) fn exchange(
        &mut self,
        request: &Request,
        host: &str,
        limit: u64,
        wait: &mut Wait<'_>,
    ) -> Result<(Response, bool), Error> {
        let begun = Instant::now();
        self.buffer.clear();
        self.socket.send(&request.to_bytes(host), wait)?;
        self.read(request, limit, wait).map(|(mut response, reusable)| {
            response.time = begun.elapsed();
            (response, reusable)
        })
    }

    fn read(&mut self, request: &Request, limit: u64, wait: &mut Wait<'_>) -> Result<(Response, bool), Error> {
        let mut response = self.head(wait)?;
        let mut interim = 0;
        // 101 is final: the connection speaks something else from here on.
        while response.status < 200 && response.status != 101 {
            interim += 1;
            if interim > MAX_INTERIM {
                return Err(Error::broken("there is no end of interim responses (1xx)"));
            }
            response = self.head(wait)?;
        }
        let framing = framing(&request.method, &response)?;
        let mut body = Vec::new();
        let read = match framing {
            Framing::None => Ok(()),
            Framing::Length(length) if length > limit => Err(too_large(limit, "")),
            Framing::Length(length) => self.exactly(length, &mut body, wait),
            Framing::Chunked => self.chunks(&mut body, limit, wait),
            Framing::Close => self.until_closed(&mut body, limit, wait),
        };
        response.body = body;
        if let Err(mut error) = read.and_then(|()| decode(&mut response, limit)) {
            error.received = response.to_log();
            error.received.truncate(MAX_RECEIVED);
            return Err(error);
        }
        // What follows a body was not asked for: such a connection is not trusted with another request.
        let reusable = framing != Framing::Close
            && response.status != 101
            && keeps_alive(&response)
            && self.buffer.is_empty()
            && !request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok((response, reusable))
    }

    fn head(&mut self, wait: &mut Wait<'_>) -> Result<Response, Error> {
        let mut seen = 0;
        loop {
            // A head ends in an empty line; only a line's end is worth another look. What can't be a head is told at once.
            let first = seen == 0 && !self.buffer.is_empty();
            if self.buffer[seen..].contains(&b'\n') || self.buffer.len() > MAX_HEAD || first {
                match parse_head(&self.buffer) {
                    Ok(Some((response, length))) => {
                        self.buffer.drain(..length);
                        return Ok(response);
                    }
                    Ok(None) => {}
                    Err(error) => return Err(self.told(error)),
                }
            }
            seen = self.buffer.len();
            let during =
                if seen == 0 { "while waiting for the answer" } else { "while reading the head of the answer" };
            match self.socket.receive(&mut self.chunk, &mut self.buffer, during, wait) {
                Ok(0) if seen == 0 => return Err(Error::broken("the connection was closed without an answer")),
                Ok(0) => {
                    return Err(self.told(Error::broken("the connection was closed within the head of the answer")));
                }
                Ok(_) => {}
                Err(error) => return Err(self.told(error)),
            }
        }
    }

    /// The error with what has come of the response.
    fn told(&self, mut error: Error) -> Error {
        error.received = self.buffer[..self.buffer.len().min(MAX_RECEIVED)].to_vec();
        error
    }

    /// Receives more of the body into the buffer.
    fn more(&mut self, wait: &mut Wait<'_>) -> Result<usize, Error> {
        self.socket.receive(&mut self.chunk, &mut self.buffer, "while reading the body", wait)
    }

    fn exactly(&mut self, length: u64, body: &mut Vec<u8>, wait: &mut Wait<'_>) -> Result<(), Error> {
        let length = usize::try_from(length).map_err(|_| Error::broken("the body does not fit into memory"))?;
        loop {
            let take = self.buffer.len().min(length - body.len());
            body.extend(self.buffer.drain(..take));
            if body.len() == length {
                return Ok(());
            }
            if self.more(wait)? == 0 {
                let got = body.len();
                return Err(Error::broken(format!("the body ended after {got} of {length} bytes (Content-Length)")));
            }
        }
    }

    fn until_closed(&mut self, body: &mut Vec<u8>, limit: u64, wait: &mut Wait<'_>) -> Result<(), Error> {
        loop {
            body.append(&mut self.buffer);
            if body.len() as u64 > limit {
                return Err(too_large(limit, ""));
            }
            if self.more(wait)? == 0 {
                return Ok(());
            }
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>, limit: u64, wait: &mut Wait<'_>) -> Result<(), Error> {
        loop {
            let size = self.chunk_size(wait)?;
            if size == 0 {
                return self.trailers(wait);
            }
            if size > limit.saturating_sub(body.len() as u64) {
                return Err(too_large(limit, ""));
            }
            let end = body.len() + usize::try_from(size).unwrap_or(usize::MAX);
            while body.len() < end {
                let take = self.buffer.len().min(end - body.len());
                body.extend(self.buffer.drain(..take));
                if body.len() < end {
                    self.more_chunk(wait)?;
                }
            }
            while self.buffer.len() < 2 {
                self.more_chunk(wait)?;
            }
            if self.buffer.drain(..2).ne(*b"\r\n") {
                return Err(Error::broken("a chunk of the body is longer than announced"));
            }
        }
    }

    fn chunk_size(&mut self, wait: &mut Wait<'_>) -> Result<u64, Error> {
        loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete((length, size))) => {
                    self.buffer.drain(..length);
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if self.buffer.len() <= MAX_HEAD => self.more_chunk(wait)?,
                _ => return Err(Error::broken("a chunk of the body has no valid size")),
            }
        }
    }

    /// Reads what follows the last chunk, up to the empty line.
    fn trailers(&mut self, wait: &mut Wait<'_>) -> Result<(), Error> {
        let mut read = 0;
        loop {
            while let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let empty = self.buffer[..end].iter().all(|b| *b == b'\r');
                self.buffer.drain(..=end);
                read += end;
                if empty {
                    return Ok(());
                }
            }
            if read + self.buffer.len() > MAX_HEAD {
                return Err(Error::broken("there is no end of trailers after the body"));
            }
            self.more_chunk(wait)?;
        }
    }

    fn more_chunk(&mut self, wait: &mut Wait<'_>) -> Result<(), Error> {
        match self.more(wait)? {
            0 => Err(Error::broken("the body ended before its last chunk")),
            _ => Ok(()),
        }
    }
}

/// One exchange on a connection of its own; a body too large does not matter.
pub(super) fn probe(
    address: &Address,
    request: &Request,
    deadline: Instant,
    interrupt: &mut dyn Interrupt,
) -> Result<Response, Error> {
    let mut wait = Wait { deadline, interrupt };
    let mut connection = Connection::open(address, &mut wait)?;
    connection.exchange(request, &address.host(), PROBE_BODY, &mut wait).map(|(response, _)| response)
}

/// Whether a request that failed so on a connection used before may be sent again on a new one.
///
/// A server may close an idle connection at any time, also while a request is on its way to it. Only a request that
/// does the same when it is done twice is sent again, and only when nothing of an answer had come.
pub(super) fn may_repeat(request: &Request, error: &Error) -> bool {
    let idempotent = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE");
    idempotent && error.kind == ErrorKind::Broken && error.received.is_empty()
}
