//! The place that a case runs in.

/// The facets of isolation that a manifest can insist on.
pub(crate) const FACETS: &[&str] = &["user", "mount", "pid", "network", "ipc", "uts", "cgroup"];
