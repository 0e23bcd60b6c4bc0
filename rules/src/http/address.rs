//! Whom a client talks to: loopback, and nobody else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A server on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// A port, on IPv4's loopback or, when nobody listens there, on IPv6's.
    Port(u16),
    /// A port of one loopback address.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl Address {
    /// What to connect to, in order.
    pub(super) fn sockets(&self) -> Vec<SocketAddr> {
        match self {
            Self::Port(port) => vec![(Ipv4Addr::LOCALHOST, *port).into(), (Ipv6Addr::LOCALHOST, *port).into()],
            Self::Tcp(address) => vec![*address],
            Self::Unix(_) => Vec::new(),
        }
    }

    /// The value of the Host header.
    #[must_use]
    pub fn host(&self) -> String {
        match self {
            Self::Port(port) => format!("127.0.0.1:{port}"),
            Self::Tcp(address) => address.to_string(),
            Self::Unix(_) => "localhost".into(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(_) | Self::Tcp(_) => f.write_str(&self.host()),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// `http://HOST[:PORT][/PATH][?QUERY]` with a loopback host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whom to talk to.
    pub address: Address,
    /// `HOST[:PORT]` as written.
    pub authority: String,
    /// Path and query, as written; `/` when there is none.
    pub target: String,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// When it is not an `http` URL, or its host is not loopback; the message says which.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = strip_scheme(text, "http://") else {
            return Err(match strip_scheme(text, "https://") {
                Some(_) => format!("`{text}` is HTTPS; foresee speaks HTTP, to loopback only"),
                None => format!("`{text}` is not a URL that begins with `http://`"),
            });
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let target = match tail.split('#').next().unwrap_or("") {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            target => target.to_owned(),
        };
        let address = loopback(authority)?;
        Ok(Self { address, authority: authority.to_owned(), target })
    }
}

fn strip_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let start = text.get(..scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

/// The address of `HOST[:PORT]`; no name is ever looked up.
fn loopback(authority: &str) -> Result<Address, String> {
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => (&authority[..colon], &authority[colon + 1..]),
        _ => (authority, "80"),
    };
    let port: u16 = port.parse().map_err(|_| format!("`{authority}` has no valid port"))?;
    let name = host.trim_start_matches('[').trim_end_matches(']');
    if name.eq_ignore_ascii_case("localhost") {
        return Ok(Address::Port(port));
    }
    match name.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => Ok(Address::Tcp((ip, port).into())),
        _ => Err(format!("`{host}` is not this machine; only loopback is contacted (127.0.0.1, [::1], localhost)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_has_an_address() {
        let parse = |text| Url::parse(text).map(|url| (url.address.to_string(), url.target));
        let ok = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(parse("http://127.0.0.1:8080"), ok("127.0.0.1:8080", "/"));
        assert_eq!(parse("HTTP://localhost:1/a?b#c"), ok("127.0.0.1:1", "/a?b"));
        assert_eq!(parse("http://[::1]:9?x"), ok("[::1]:9", "/?x"));
        assert_eq!(parse("http://127.1.2.3"), ok("127.1.2.3:80", "/"));
        for text in [
            "http://example.com/",
            "http://10.0.0.1:80/",
            "http://localhost.example.com/",
            "http://127.0.0.1@example.com/",
            "http://user@127.0.0.1/",
            "http://127.0.0.1:99999/",
            "https://127.0.0.1/",
            "ftp://127.0.0.1/",
            "/relative",
            "http://",
            "",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
