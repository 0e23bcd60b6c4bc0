//! What a user can do about a machine that refuses isolation.
//!
//! What is looked at here only chooses the words; whether something is to be had is found out by doing it.

use std::fs;
use std::path::Path;

/// For namespaces: why `errno` came, and what would help.
pub(super) fn namespaces(errno: i32) -> Option<String> {
    let is = |path: &str, value: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if errno == libc::ENOSPC || is("/proc/sys/user/max_user_namespaces", "0") {
        return Some(
            "a limit on namespaces is reached: see `sysctl user`, and raise `user.max_user_namespaces`".into(),
        );
    }
    if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return Some(
            "AppArmor restricts user namespaces (Ubuntu 23.10 and later): \
             `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, \
             or an AppArmor profile for foresee with the rule `userns,`"
                .into(),
        );
    }
    if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return Some("`sudo sysctl -w kernel.unprivileged_userns_clone=1` allows user namespaces".into());
    }
    if errno == libc::EPERM && is_powerless_root() {
        return Some(
            "root without capabilities may not make itself root in a user namespace: \
             run foresee as an ordinary user, or with CAP_SETFCAP or CAP_SYS_ADMIN"
                .into(),
        );
    }
    if in_container() {
        return Some(
            "a container's seccomp profile forbids namespaces: with Docker or Podman, \
             `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
                .into(),
        );
    }
    if in_chroot() {
        return Some("inside a chroot the kernel makes no user namespaces: use `pivot_root`, as containers do".into());
    }
    match errno {
        libc::ENOSYS | libc::EINVAL => {
            Some("the kernel lacks it, or a seccomp filter says so: Linux 5.12 or later".into())
        }
        _ => None,
    }
}

/// For a fresh `/proc`.
pub(super) fn proc(errno: i32) -> Option<String> {
    (errno == libc::EPERM).then(|| {
        "something covers a part of /proc, so the kernel shows no fresh one: \
         with Docker `--security-opt systempaths=unconfined`, with bubblewrap as root no `--proc`"
            .to_owned()
    })
}

fn is_powerless_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    nix::unistd::geteuid().is_root() && effective.is_some_and(|set| set.trim().bytes().all(|digit| digit == b'0'))
}

fn in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists())
        || fs::read_to_string("/proc/1/cgroup").is_ok_and(|text| text.contains("docker") || text.contains("kubepods"))
}

fn in_chroot() -> bool {
    fs::read_to_string("/proc/self/mountinfo")
        .is_ok_and(|mounts| !mounts.lines().any(|line| line.split(' ').nth(4) == Some("/")))
}
