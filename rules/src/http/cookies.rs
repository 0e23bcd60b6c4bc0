//! The cookies of a case (RFC 6265), as a browser would keep them.
//!
//! Two points follow browsers rather than the letter: loopback counts as secure, so `Secure` cookies are sent; and
//! there is no list of public suffixes, for no other machine is ever met.

use std::time::SystemTime;

use cookie::Cookie;
use cookie::time::OffsetDateTime;

/// Cookies by host, path and name.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Kept>);

#[derive(Debug)]
struct Kept {
    name: String,
    value: String,
    host: String,
    /// Whether hosts below `host` get it as well (it had a Domain).
    below: bool,
    path: String,
    expires: Option<OffsetDateTime>,
}

impl Jar {
    /// Takes over what a response to `target` at `host` sets.
    pub(super) fn store<'h>(&mut self, host: &str, target: &str, set: impl Iterator<Item = &'h str>) {
        let now = OffsetDateTime::from(SystemTime::now());
        let host = name_of(host);
        for header in set {
            let Ok(cookie) = Cookie::parse(header) else {
                continue;
            };
            let domain = cookie.domain().map(str::to_ascii_lowercase).filter(|domain| !domain.is_empty());
            if domain.as_ref().is_some_and(|domain| !is_within(&host, domain)) {
                continue;
            }
            let path = cookie.path().filter(|path| path.starts_with('/')).unwrap_or_else(|| default_path(target));
            let expires = match cookie.max_age() {
                Some(age) => Some(now.saturating_add(age)),
                None => cookie.expires_datetime(),
            };
            let kept = Kept {
                name: cookie.name().to_owned(),
                value: cookie.value().to_owned(),
                below: domain.is_some(),
                host: domain.unwrap_or_else(|| host.clone()),
                path: path.to_owned(),
                expires,
            };
            let same = |old: &Kept| old.name == kept.name && old.host == kept.host && old.path == kept.path;
            let dead = kept.expires.is_some_and(|end| end <= now);
            match (self.0.iter().position(same), dead) {
                (Some(at), true) => drop(self.0.remove(at)),
                (Some(at), false) => self.0[at] = kept,
                (None, true) => {}
                (None, false) => self.0.push(kept),
            }
        }
    }

    /// The Cookie header for a request of `target` at `host`, when there is anything to send.
    pub(super) fn header(&self, host: &str, target: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let (now, host) = (OffsetDateTime::from(SystemTime::now()), name_of(host));
        let path = target.split('?').next().unwrap_or("");
        let fits = |kept: &&Kept| {
            (kept.host == host || kept.below && is_within(&host, &kept.host))
                && path_matches(path, &kept.path)
                && kept.expires.is_none_or(|end| end > now)
        };
        let mut fitting: Vec<_> = self.0.iter().filter(fits).collect();
        // Longer paths first, older cookies first (section 5.4).
        fitting.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<_> = fitting.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// The host without its port: cookies know none (section 8.5).
fn name_of(host: &str) -> String {
    let name = match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    };
    name.to_ascii_lowercase()
}

fn is_within(host: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Section 5.1.4.
fn default_path(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or("");
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

fn path_matches(path: &str, of: &str) -> bool {
    path == of || path.strip_prefix(of).is_some_and(|rest| of.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(set: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for header in set {
            jar.store("127.0.0.1:80", "/a/b?c", std::iter::once(*header));
        }
        jar
    }

    fn sent(jar: &Jar, target: &str) -> String {
        jar.header("127.0.0.1:81", target).unwrap_or_default()
    }

    #[test]
    fn paths_choose_cookies_and_ports_do_not() {
        let jar = jar(&["x=1", "y=2; Path=/", "z=3; Path=/a/b/; Secure; HttpOnly"]);
        assert_eq!(sent(&jar, "/a/b/c"), "z=3; x=1; y=2");
        assert_eq!(sent(&jar, "/ab"), "y=2");
        assert_eq!(sent(&jar, "/a?q"), "x=1; y=2");
    }

    #[test]
    fn cookies_are_replaced_and_removed() {
        assert_eq!(sent(&jar(&["x=1; Path=/", "x=2; Path=/"]), "/"), "x=2");
        assert_eq!(sent(&jar(&["x=1; Path=/", "x=; Path=/; Max-Age=0"]), "/"), "");
        assert_eq!(sent(&jar(&["x=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]), "/"), "");
        assert_eq!(sent(&jar(&["x=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]), "/"), "x=1");
        assert_eq!(sent(&jar(&["not a cookie", "=", ""]), "/"), "");
    }

    #[test]
    fn domains_are_those_of_the_host() {
        let mut jar = Jar::default();
        jar.store("app.example.com:80", "/", ["a=1; Domain=example.com", "b=2; Domain=other.com", "c=3"].into_iter());
        assert_eq!(jar.header("app.example.com", "/").as_deref(), Some("a=1; c=3"));
        assert_eq!(jar.header("www.example.com", "/").as_deref(), Some("a=1"));
        assert_eq!(jar.header("badexample.com", "/"), None);
    }
}
