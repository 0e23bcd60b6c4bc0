//! What lasts from request to request within a case: cookies, and a connection.

use std::borrow::Cow;
use std::time::Instant;

use iri_string::types::{IriAbsoluteStr, IriReferenceStr};

use super::connection::{Connection, may_repeat};
use super::cookies::Jar;
use super::socket::Wait;
use super::{Address, Error, Interrupt, Request, Response, Url};

/// More redirects than this are a loop.
const MAX_REDIRECTS: usize = 10;

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// When it must be over, redirects included.
    pub deadline: Instant,
    /// How many bytes a body may have.
    pub body: u64,
}

/// The cookies of a case, and the connection that was used last.
///
/// There is one connection at most: a server that serves one after the other would never get to a second one.
#[derive(Default)]
pub struct Session {
    jar: Jar,
    idle: Option<(Address, Connection)>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("jar", &self.jar).finish_non_exhaustive()
    }
}

impl Session {
    /// Closes the connection: a server that is about to be stopped must not wait for it.
    pub fn close(&mut self) {
        self.idle = None;
    }

    /// Sends a request, and with `follow` those that its redirects ask for; the last response is returned.
    ///
    /// # Errors
    ///
    /// When there is no response that could be judged.
    pub fn request(
        &mut self,
        address: &Address,
        request: &Request,
        follow: bool,
        bounds: Bounds,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Response, Error> {
        let begun = Instant::now();
        let (mut address, mut request) = (Cow::Borrowed(address), Cow::Borrowed(request));
        let mut followed = Vec::new();
        loop {
            let mut response = self.once(&address, &request, bounds, interrupt)?;
            let next = match follow && is_redirect(response.status) {
                true => location(&host(&address, &request), &request.target, &response),
                false => None,
            };
            let Some(next) = next else {
                response.time = begun.elapsed();
                response.followed = followed;
                return Ok(response);
            };
            if followed.len() == MAX_REDIRECTS {
                return Err(Error::broken(format!("more than {MAX_REDIRECTS} redirects, the last to {next}")));
            }
            let url = Url::parse(&next).map_err(|reason| Error::broken(format!("redirected: {reason}")))?;
            // The server itself may go by another name (a Host header of the manifest, a unix socket).
            if url.authority != host(&address, &request) {
                address = Cow::Owned(url.address);
                request.to_mut().headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Host"));
            }
            followed.push((response.status, next));
            request.to_mut().target = url.target;
            redirected(request.to_mut(), response.status);
        }
    }

    fn once(
        &mut self,
        address: &Address,
        request: &Request,
        bounds: Bounds,
        interrupt: &mut dyn Interrupt,
    ) -> Result<Response, Error> {
        let host = host(address, request);
        let mut request = Cow::Borrowed(request);
        if request.header("Cookie").is_none()
            && let Some(cookies) = self.jar.header(&host, &request.target)
        {
            request.to_mut().headers.push(("Cookie".into(), cookies));
        }
        let mut wait = Wait { deadline: bounds.deadline, interrupt };
        let kept = self.idle.take().filter(|(of, connection)| of == address && connection.is_idle());
        let (mut connection, used) = match kept.filter(|_| may_share(&request)) {
            Some((_, connection)) => (connection, true),
            None => (Connection::open(address, &mut wait)?, false),
        };
        let mut result = connection.exchange(&request, &host, bounds.body, &mut wait);
        if let Err(error) = &result
            && used
            && may_repeat(&request, error)
        {
            drop(connection);
            connection = Connection::open(address, &mut wait)?;
            result = connection.exchange(&request, &host, bounds.body, &mut wait);
        }
        let (response, reusable) = result?;
        if reusable {
            self.idle = Some((address.clone(), connection));
        }
        self.jar.store(&host, &request.target, response.header("Set-Cookie"));
        Ok(response)
    }
}

/// The Host that a request to `address` names.
#[must_use]
pub fn host(address: &Address, request: &Request) -> String {
    request.header("Host").map_or_else(|| address.host(), str::to_owned)
}

/// Whether a request may go out on a connection that was used before, which the server may be about to close: when it
/// could be sent again (see [`may_repeat`]).
fn may_share(request: &Request) -> bool {
    may_repeat(request, &Error::broken(""))
}

/// 301, 302, 303, 307 and 308.
#[must_use]
pub fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Where Location points, as a whole URL, when the request was for `target` at `host` (RFC 3986, section 5).
#[must_use]
pub fn location(host: &str, target: &str, response: &Response) -> Option<String> {
    let location = response.header("Location").next()?.trim();
    let base = format!("http://{host}{target}");
    let resolved = IriReferenceStr::new(location).ok().and_then(|location| {
        let base = IriAbsoluteStr::new(&base).ok()?;
        Some(location.resolve_against(base).to_string())
    });
    // Not a reference by the letter (a blank in it, say): most clients make the best of it, and so do the constraints.
    Some(resolved.unwrap_or_else(|| match location.starts_with('/') && !location.starts_with("//") {
        true => format!("http://{host}{}", location.replace(' ', "%20")),
        false => location.to_owned(),
    }))
}

/// Turns a request into the one that follows its redirect (RFC 9110, section 15.4).
fn redirected(request: &mut Request, status: u16) {
    let to_get = match status {
        303 => request.method != "HEAD",
        301 | 302 => request.method == "POST",
        _ => false,
    };
    if to_get {
        request.method = "GET".into();
        request.body = None;
        request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved_against_the_request() {
        let at = |location: &str| {
            let headers = vec![("location".to_owned(), location.to_owned())];
            location_of(&Response { headers, ..Response::default() })
        };
        fn location_of(response: &Response) -> Option<String> {
            location("127.0.0.1:80", "/a/b?c", response)
        }
        assert_eq!(at("/x?y").as_deref(), Some("http://127.0.0.1:80/x?y"));
        assert_eq!(at("x").as_deref(), Some("http://127.0.0.1:80/a/x"));
        assert_eq!(at("../x").as_deref(), Some("http://127.0.0.1:80/x"));
        assert_eq!(at("?x").as_deref(), Some("http://127.0.0.1:80/a/b?x"));
        assert_eq!(at("//localhost:1/x").as_deref(), Some("http://localhost:1/x"));
        assert_eq!(at("http://localhost/é").as_deref(), Some("http://localhost/é"));
        assert_eq!(at("/a b").as_deref(), Some("http://127.0.0.1:80/a%20b"));
        assert_eq!(location_of(&Response::default()), None);
    }

    #[test]
    fn redirects_change_the_method_as_the_rfc_says() {
        let after = |method: &str, status| {
            let mut request = Request::new(method, "/");
            request.body = Some(Vec::new());
            request.headers.push(("Content-Type".into(), "a/b".into()));
            redirected(&mut request, status);
            (request.method, request.body.is_some(), request.headers.len())
        };
        assert_eq!(after("POST", 302), ("GET".into(), false, 0));
        assert_eq!(after("PUT", 302), ("PUT".into(), true, 1));
        assert_eq!(after("PUT", 303), ("GET".into(), false, 0));
        assert_eq!(after("POST", 307), ("POST".into(), true, 1));
        assert_eq!(after("HEAD", 303), ("HEAD".into(), true, 1));
    }
}
