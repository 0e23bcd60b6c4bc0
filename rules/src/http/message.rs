//! Requests and responses as data, and the bytes of their heads.

use std::time::Duration;

use httparse::Status;

use super::Error;

/// A larger head is not a response.
pub(super) const MAX_HEAD: usize = 256 << 10;

/// A response with more headers is refused.
const MAX_HEADERS: usize = 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method; any token.
    pub method: String,
    /// Path and query, encoded already.
    pub target: String,
    /// Headers as they are sent; none of them has a line break.
    pub headers: Vec<(String, String)>,
    /// The body; `None` is none at all, which is not the same as an empty one.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: None }
    }

    /// The value of a header that was set.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The bytes to send. Headers that the request does not set itself are added: Host, User-Agent, Accept and the
    /// body's length.
    pub(super) fn to_bytes(&self, host: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.body.as_ref().map_or(0, Vec::len));
        let mut line = |parts: &[&str]| {
            parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
            bytes.extend_from_slice(b"\r\n");
        };
        line(&[&self.method, " ", &self.target, " HTTP/1.1"]);
        let own = [("Host", host), ("User-Agent", "foresee"), ("Accept", "*/*")];
        for (name, value) in own.iter().filter(|(name, _)| self.header(name).is_none()) {
            line(&[name, ": ", value]);
        }
        let framed = self.header("Content-Length").is_some() || self.header("Transfer-Encoding").is_some();
        let length = match &self.body {
            Some(body) => Some(body.len()),
            // A server may wait for a body where a method usually has one (RFC 9110, section 8.6).
            None => matches!(self.method.as_str(), "POST" | "PUT" | "PATCH").then_some(0),
        };
        if let Some(length) = length.filter(|_| !framed) {
            line(&["Content-Length: ", &length.to_string()]);
        }
        for (name, value) in &self.headers {
            line(&[name, ": ", value]);
        }
        line(&[]);
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The minor version of HTTP/1.
    pub version: u8,
    /// The status.
    pub status: u16,
    /// The words after the status, as the server chose them.
    pub reason: String,
    /// Headers in their order, letter case and number; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer and content encodings.
    pub body: Vec<u8>,
    /// From the beginning of the request to the end of the body.
    pub time: Duration,
    /// The redirects that were followed to get here: status and Location.
    pub followed: Vec<(u16, String)>,
}

impl Response {
    /// The values of a header, in order.
    pub fn header<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `200 OK`.
    #[must_use]
    pub fn status_text(&self) -> String {
        format!("{} {}", self.status, self.reason).trim_end().to_owned()
    }

    /// Status line, headers and body, as they are kept. Lines end in LF: this is for people.
    #[must_use]
    pub fn to_log(&self) -> Vec<u8> {
        let mut log = format!("HTTP/1.{} {}\n", self.version, self.status_text()).into_bytes();
        for (name, value) in &self.headers {
            log.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
        log.push(b'\n');
        log.extend_from_slice(&self.body);
        log
    }
}

/// How a body ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// Reads a head: the response without its body, and the length of the head; `None` when more must come.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<(Response, usize)>, Error> {
    let known = bytes.len().min(7);
    if bytes[..known] != b"HTTP/1."[..known] {
        return Err(Error::broken("the answer is not HTTP/1"));
    }
    let mut room = 64;
    loop {
        let mut headers = vec![httparse::EMPTY_HEADER; room];
        let mut head = httparse::Response::new(&mut headers);
        match httparse::ParserConfig::default().parse_response(&mut head, bytes) {
            Ok(Status::Complete(length)) => {
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                let response = Response {
                    version: head.version.unwrap_or(1),
                    status: head.code.unwrap_or(0),
                    reason: head.reason.unwrap_or("").trim().to_owned(),
                    headers: head.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect(),
                    ..Response::default()
                };
                return Ok(Some((response, length)));
            }
            Ok(Status::Partial) if bytes.len() > MAX_HEAD => {
                return Err(Error::broken(format!("the head of the answer is larger than {} KiB", MAX_HEAD >> 10)));
            }
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) if room < MAX_HEADERS => room *= 4,
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Error::broken(format!("the answer has more than {MAX_HEADERS} headers")));
            }
            Err(error) => return Err(Error::broken(format!("the answer is not valid HTTP: {error}"))),
        }
    }
}

/// How the body of this answer to `method` ends.
pub(super) fn framing(method: &str, response: &Response) -> Result<Framing, Error> {
    if method == "HEAD" || response.status < 200 || matches!(response.status, 204 | 304) {
        return Ok(Framing::None);
    }
    if let Some(encoding) = response.header("Transfer-Encoding").last() {
        let last = encoding.rsplit(',').next().unwrap_or("").trim();
        return Ok(if last.eq_ignore_ascii_case("chunked") { Framing::Chunked } else { Framing::Close });
    }
    let mut lengths: Vec<_> = response.header("Content-Length").flat_map(|value| value.split(',')).collect();
    lengths.iter_mut().for_each(|value| *value = value.trim());
    lengths.dedup();
    match lengths.as_slice() {
        [] => Ok(Framing::Close),
        [length] if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Framing::Length(length.parse().unwrap_or(u64::MAX)))
        }
        _ => Err(Error::broken(format!("the answer has no valid Content-Length: {}", lengths.join(", ")))),
    }
}

/// Whether the connection may be used again after this response.
pub(super) fn keeps_alive(response: &Response) -> bool {
    let says = |word: &str| {
        let options = response.header("Connection").flat_map(|value| value.split(','));
        options.map(str::trim).any(|option| option.eq_ignore_ascii_case(word))
    };
    if response.version == 0 { says("keep-alive") } else { !says("close") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Response {
        parse_head(text.as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn heads_keep_what_the_server_said() {
        let response = head("HTTP/1.1 404 Nothing here\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody");
        assert_eq!((response.status_text().as_str(), response.version), ("404 Nothing here", 1));
        assert_eq!(response.header("X-a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(response.headers[1].0, "x-a");
        assert!(parse_head(b"HTT").unwrap().is_none());
        assert!(parse_head(b"HTTP/1.1 200 OK\r\nA: b\r\n").unwrap().is_none());
        for text in
            ["SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n"]
        {
            assert!(parse_head(text.as_bytes()).is_err(), "{text}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(500));
        assert_eq!(head(&many).headers.len(), 500);
    }

    #[test]
    fn bodies_end_as_the_rfc_says() {
        let of = |method, headers: &str| framing(method, &head(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n"))).ok();
        assert_eq!(of("GET", ""), Some(Framing::Close));
        assert_eq!(of("HEAD", "Content-Length: 5\r\n"), Some(Framing::None));
        assert_eq!(of("GET", "Content-Length: 5\r\nContent-Length: 5\r\n"), Some(Framing::Length(5)));
        assert_eq!(of("GET", "Content-Length: 5\r\nTransfer-Encoding: gzip, Chunked\r\n"), Some(Framing::Chunked));
        assert_eq!(of("GET", "Content-Length: 5, 6\r\n"), None);
        assert_eq!(of("GET", "Content-Length: -1\r\n"), None);
        assert_eq!(of("GET", "Content-Length: 99999999999999999999\r\n"), Some(Framing::Length(u64::MAX)));
    }

    #[test]
    fn requests_add_only_what_is_not_set() {
        let mut request = Request::new("POST", "/x?y");
        request.headers = vec![("host".into(), "example.com".into()), ("X-é".into(), "ü".into())];
        request.body = Some(b"ab".to_vec());
        let text = String::from_utf8(request.to_bytes("127.0.0.1:1")).unwrap();
        assert_eq!(
            text,
            "POST /x?y HTTP/1.1\r\nUser-Agent: foresee\r\nAccept: */*\r\nContent-Length: 2\r\nhost: example.com\r\nX-é: ü\r\n\r\nab"
        );
        let get = String::from_utf8(Request::new("GET", "/").to_bytes("h")).unwrap();
        assert_eq!(get, "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: foresee\r\nAccept: */*\r\n\r\n");
    }
}
