//! Isolation as it is met with: in other sandboxes, without privileges, with someone outside to be protected.
//!
//! Needs bubblewrap, util-linux and Python 3: `apt-get install bubblewrap util-linux python3`.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{PATH, Place, copy_dir, repository};

const LOOK: &str = "testLook:\n  - run: [echo, hello]\n    assert_stdout: hello\n";

/// foresee in `place`, started by another program: `around` is its command line up to foresee's.
fn within(place: &Place, around: &[&str], args: &[&str]) -> Output {
    let (program, rest) = around.split_first().expect("a program");
    // Whoever runs it may be someone else.
    for dir in [place.cwd(), place.tmp(), place.cwd().parent().expect("a parent").to_owned()] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).expect("our own directory");
    }
    Command::new(program)
        .args(rest)
        .arg(env!("CARGO_BIN_EXE_foresee"))
        .args(args)
        .current_dir(place.cwd())
        .env_clear()
        .env("PATH", PATH)
        .env("TMPDIR", place.tmp())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install bubblewrap util-linux python3"))
}

/// The rung obtained and the guarantee against orphans, or what foresee said instead.
fn rung(place: &Place, around: &[&str]) -> String {
    let output =
        within(place, around, &["run", "--sandbox-dir", "../tmp", "--output-dir", "out", "--keep-logs", "never"]);
    if !output.status.success() {
        return format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    assert!(place.is_clean(), "something is left in the sandbox directory");
    let results: serde_json::Value = serde_json::from_str(&place.read("out/results.json")).expect("JSON");
    let isolation = &results["suites"][0]["isolation"];
    let refused = isolation["facets"].as_object().expect("facets").iter();
    let refused = refused.filter_map(|(name, state)| Some(format!(" {name}={}", state["error"].as_str()?)));
    format!(
        "{}, {}{}",
        isolation["level"].as_str().unwrap_or("?"),
        isolation["orphans"].as_str().unwrap_or("?"),
        refused.collect::<String>()
    )
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().expect("id").stdout == b"0\n"
}

const USER: [&str; 5] = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all"];
const POWERLESS: [&str; 4] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

/// The rungs of the ladder, each in a surrounding that gives it. What this machine itself gives is asserted as well: the
/// other rungs are made from it by taking something away.
#[test]
fn every_rung_is_reported_as_what_it_is() {
    let full = "full, pid namespace";
    let nobody: &[&str] = if is_root() { &USER } else { &["env"] };
    let no_network = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$@\"";
    let no_users = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let powerless = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \"$@\"";
    let bwrap = ["bwrap", "--unshare-all", "--dev-bind", "/", "/"];
    let bwrap_proc = [&bwrap[..], &["--proc", "/proc"]].concat();
    let covered = [&bwrap_proc[..], &["--tmpfs", "/proc/bus"]].concat();
    let unshare = |script: &'static str| ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"];
    let mut cases: Vec<(&str, Vec<&str>, &str)> = vec![
        ("the caller", vec!["env"], full),
        ("an ordinary user", nobody.to_vec(), full),
        ("an ordinary user without new privileges", [nobody, &["setpriv", "--no-new-privs"]].concat(), full),
        ("bubblewrap", bwrap.to_vec(), full),
        ("an ordinary user's bubblewrap", [nobody, &bwrap_proc].concat(), full),
        ("a masked /proc", [nobody, &covered].concat(), "bound-proc, pid namespace proc=EPERM"),
        ("no network namespaces", unshare(no_network).to_vec(), "partial, pid namespace network=ENOSPC"),
        ("no user namespaces, but root", unshare(no_users).to_vec(), "no-user, pid namespace user=ENOSPC"),
        (
            "no user namespaces",
            unshare(powerless).to_vec(),
            "none, subreaper cgroup=EPERM ipc=EPERM mount=EPERM network=EPERM pid=EPERM user=ENOSPC uts=EPERM",
        ),
    ];
    if is_root() {
        let none = "none, subreaper cgroup=EPERM ipc=EPERM mount=EPERM network=EPERM pid=EPERM user=EPERM uts=EPERM";
        cases.push(("root without capabilities", POWERLESS.to_vec(), none));
    }
    for (surrounding, around, expected) in cases {
        let place = Place::with_manifest(LOOK);
        assert_eq!(rung(&place, &around), expected, "in {surrounding}");
    }
}

/// The attempts of `testdata/isolation/full` come out alike wherever isolation is full. What comes of each is asserted in
/// their manifests, and by the golden test for the caller himself.
#[test]
fn the_attempts_come_out_alike_in_every_surrounding() {
    let nobody: &[&str] = if is_root() { &USER } else { &["env"] };
    let bwrap = ["bwrap", "--unshare-all", "--dev-bind", "/", "/"];
    let attempts = |around: &[&str]| {
        let place = Place::new();
        copy_dir(&repository().join("testdata/isolation/full"), &place.cwd());
        within(&place, around, &["run", "--isolation", "full", "--jobs", "4"]);
        assert!(place.is_clean(), "something is left in the sandbox directory");
        place.verdicts()
    };
    let expected = attempts(&["env"]);
    let failed = expected.lines().filter(|line| line.starts_with("failure") || line.starts_with("error"));
    assert_eq!(failed.count(), 7, "{expected}");
    for around in [nobody.to_vec(), bwrap.to_vec(), [nobody, &bwrap, &["--proc", "/proc"]].concat()] {
        assert_eq!(attempts(&around), expected, "in {around:?}");
    }
}

/// A plain chroot forbids user namespaces, and has no root that could be exchanged: the rest is obtained and works.
#[test]
fn in_a_plain_chroot_the_rest_of_isolation_is_obtained() {
    let place = Place::with_manifest(
        "testLook:\n  - run: [sh, -c, 'echo $$; ls /sys/class/net 2>/dev/null || echo lo']\n    assert_stdout_matches: '^[2-9]\\nlo\\n$'\n",
    );
    let root = place.tmp().join("root");
    let script =
        "cd \"$1\" && shift && mkdir proc dev tmp usr etc w && for dir in bin lib lib64 sbin; do cp -P /$dir .; done &&
        mount --rbind /usr usr && mount --rbind /etc etc && mount --rbind /proc proc && mount --rbind /dev dev &&
        cp \"$1\" w/foresee && cp \"$2\" w && exec chroot . sh -c 'cd /w && ./foresee run --keep-logs never'";
    fs::create_dir(&root).expect("an empty directory");
    let manifest = place.cwd().join("test.yml");
    // For an ordinary user, root of a user namespace has to do.
    let who: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
    let output = Command::new("unshare")
        .args(who)
        .args(["--mount", "--propagation", "private", "sh", "-euc", script, "sh"])
        .args([root.as_path(), Path::new(env!("CARGO_BIN_EXE_foresee")), &manifest])
        .output()
        .expect("unshare");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let results = fs::read_to_string(root.join("w/foresee-out/results.json")).expect("a report");
    let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
    let isolation = &results["suites"][0]["isolation"];
    assert_eq!((&isolation["level"], &isolation["orphans"]), (&"partial".into(), &"pid namespace".into()));
    for (facet, error) in [("user", "EPERM"), ("mount", "EINVAL")] {
        assert_eq!(isolation["facets"][facet]["error"], error, "{facet}");
    }
    for facet in ["pid", "network", "ipc", "uts", "landlock"] {
        assert_eq!(isolation["facets"][facet]["obtained"], true, "{facet}");
    }
}

/// Where no namespace is to be had, Landlock keeps writes to where they belong, and signals and abstract sockets among the
/// programs of a case.
#[test]
fn without_namespaces_landlock_keeps_cases_in_bounds() {
    let name = format!("foresee-landlock-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).expect("a short name"));
    let mut sleeper = Command::new("sleep").arg("60").spawn().expect("sleep");
    // A directory that is surely not below /tmp, with a file that anyone may write to.
    let (pid, dir) = (sleeper.id(), "/mnt");
    let place = Place::new();
    write_attempts(
        &place,
        &[
            ("testWrite", format!("open(\"{dir}/victim\", \"a\")"), "refused: EACCES"),
            ("testCreate", format!("open(\"{dir}/new\", \"x\")"), "refused: EACCES"),
            ("testRemove", format!("os.remove(\"{dir}/victim\")"), "refused: EACCES"),
            ("testAbstract", format!("socket.socket(socket.AF_UNIX).connect(\"\\0{name}\")"), "refused: EPERM"),
            ("testSignal", format!("os.kill({pid}, 9)"), "refused: EPERM"),
            ("testOwn", "open(\"own\", \"x\").name".into(), "got own"),
            ("testTmp", "import tempfile; tempfile.TemporaryFile(dir=\"/tmp\") and 1".into(), "got 1"),
            ("testRead", format!("open(\"{dir}/victim\").read()"), "got secret"),
        ],
    );
    let script = "mount -t tmpfs -o mode=777 none /mnt && printf secret > /mnt/victim && chmod 666 /mnt/victim &&
        echo 0 > /proc/sys/user/max_user_namespaces &&
        exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \"$@\"";
    let around = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
    let output = within(&place, &around, &["run"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert_eq!(place.results()["suites"][0]["isolation"]["facets"]["landlock"]["obtained"], true);
    assert!(sleeper.try_wait().expect("our child").is_none(), "a process of the machine was ended");
    sleeper.kill().expect("our child");
    sleeper.wait().expect("our child");
}

/// Directories that are long, have blanks in their names or are links, each with and without isolation; and two that can't
/// be used.
#[test]
fn awkward_sandbox_directories_are_no_obstacle() {
    let server = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(len(sys.argv[1]) < 108)";
    let manifest = format!(
        "testLook:\n  - run: [sh, -c, 'touch \"$TMPDIR/x\" \"$HOME/x\" x && pwd']\n    assert_stdout_contains: '${{dir}}'\n\
         testUnix:\n  - run: {{argv: [python3, -c, '{server}', '${{socket.s}}'], listen: {{s: unix}}}}\n    assert_stdout: 'True'\n"
    );
    for name in ["a".repeat(200).as_str(), "with blanks, 'quotes' and é", "link"] {
        let place = Place::with_manifest(&manifest);
        let dir = place.tmp().join(name);
        match name {
            "link" => std::os::unix::fs::symlink("real", &dir).and_then(|()| fs::create_dir(place.tmp().join("real"))),
            _ => fs::create_dir(&dir),
        }
        .expect("a new name");
        for isolation in ["full", "none"] {
            let output = place
                .foresee(&["run", "--isolation", isolation, "--sandbox-dir"])
                .arg(&dir)
                .output()
                .expect("foresee can be executed");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name}, {isolation}: {text}");
            assert_eq!(fs::read_dir(&dir).expect("a directory").count(), 0, "something is left in {name}");
        }
    }
    let place = Place::with_manifest(LOOK);
    place.write("file", "");
    for (dir, reason) in [
        (&b"file"[..], "Not a directory"),
        (b"/proc/foresee", "No such file or directory"),
        (b"not-\xff", "its name is not UTF-8"),
    ] {
        let dir = std::ffi::OsStr::from_bytes(dir);
        let output = place.foresee(&["run", "--sandbox-dir"]).arg(dir).output().expect("foresee can be executed");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{text}");
        let wanted = format!("can't be used: {reason}; name another with --sandbox-dir");
        assert!(text.contains(&wanted), "{text}");
    }
}

/// Cases that try something each: its name, what is tried, and what is to come of it.
fn write_attempts(place: &Place, attempts: &[(&str, String, &str)]) {
    place.write("attempt.py", include_bytes!("../../testdata/isolation/full/attempt.py"));
    let case = |(case, code, expected): &(&str, String, &str)| {
        format!("{case}:\n  - run: [python3, attempt.py, '{code}']\n    assert_stdout: '{expected}'\n")
    };
    place.write("test.yml", format!("inputs: [attempt.py]\n{}", attempts.iter().map(case).collect::<String>()));
}

#[test]
fn full_isolation_or_nothing() {
    let place = Place::with_manifest(LOOK);
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let around = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"];
    let output = within(&place, &around, &["run", "--isolation", "full"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("sandbox-unavailable: `--isolation full` wants `user`"), "{text}");
    assert!(text.contains("user     ENOSPC: making the namespace"), "{text}");

    // Facet by facet: what is there may be insisted on.
    for (facet, status) in [("pid", 0), ("network", 0), ("user", 3)] {
        let place = Place::with_manifest(&format!("sandbox: {{require: [{facet}]}}\n{LOOK}"));
        assert_eq!(within(&place, &around, &["run"]).status.code(), Some(status), "{facet}");
    }
}

#[test]
fn host_network_needs_leave_under_full_isolation() {
    let place = Place::with_manifest(&format!("sandbox: {{network: host}}\n{LOOK}"));
    let refused = place.run(&["run", "--isolation", "full"]);
    let text = String::from_utf8_lossy(&refused.stdout);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains("--allow-host-network"), "{text}");
    assert_eq!(place.run(&["run", "--isolation", "full", "--allow-host-network"]).status.code(), Some(0));
}

#[test]
fn the_doctor_says_the_same_to_people_and_to_programs() {
    let place = Place::new();
    let output = place.run(&["doctor", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["level"], "full", "{found}");
    let text = String::from_utf8(place.run(&["doctor"]).stdout).expect("UTF-8");
    assert!(text.starts_with("isolation  full "), "{text}");
    assert!(place.is_clean());
    let nowhere = within(
        &place,
        &["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"],
        &["doctor"],
    );
    let text = String::from_utf8_lossy(&nowhere.stdout);
    assert!(text.contains("user     ENOSPC") && text.contains("raise `user.max_user_namespaces`"), "{text}");
}

/// Someone outside: files, sockets and processes of the machine.
#[test]
fn the_machine_is_out_of_reach() {
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let number = port.local_addr().expect("bound").port();
    let name = format!("foresee-test-{}", std::process::id());
    let abstract_address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let _abstract = UnixListener::bind_addr(&abstract_address).expect("an abstract socket");
    let outside = tempfile::tempdir().expect("a temporary directory");
    let victim = outside.path().join("victim");
    fs::write(&victim, "secret").expect("a writable file");
    let _socket = UnixListener::bind(outside.path().join("socket")).expect("a socket");
    let mut sleeper = Command::new("sleep").arg("60").spawn().expect("sleep");
    let (pid, victim_path, dir) = (sleeper.id(), victim.display(), outside.path().display());
    write_attempts(
        &place,
        &[
            (
                "testLoopback",
                format!("socket.create_connection((\"127.0.0.1\", {number}), 2)"),
                "refused: ECONNREFUSED",
            ),
            ("testAbstract", format!("socket.socket(socket.AF_UNIX).connect(\"\\0{name}\")"), "refused: ECONNREFUSED"),
            ("testSocket", format!("socket.socket(socket.AF_UNIX).connect(\"{dir}/socket\")"), "refused: ENOENT"),
            ("testRead", format!("open(\"{victim_path}\")"), "refused: ENOENT"),
            ("testList", format!("os.listdir(\"{dir}\")"), "refused: ENOENT"),
            ("testSee", format!("os.stat(\"/proc/{pid}\")"), "refused: ENOENT"),
            ("testSignal", format!("os.kill({pid}, 9)"), "refused: ESRCH"),
            ("testHold", format!("os.pidfd_open({pid})"), "refused: ESRCH"),
        ],
    );
    let output = place.run(&["run", "--isolation", "full"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(sleeper.try_wait().expect("our child").is_none(), "a process of the machine was ended");
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "secret");
    sleeper.kill().expect("our child");
    sleeper.wait().expect("our child");
}

#[test]
fn two_hundred_cases_listen_on_the_same_port() {
    let server = "import socket; s = socket.create_server((\"127.0.0.1\", 8080)); print(s.getsockname()[1])";
    let mut manifest = String::new();
    for number in 0..200 {
        manifest.push_str(&format!(
            "test{number}:\n  - run: {{argv: [python3, -S, -c, '{server}'], listen: {{http: 8080}}}}\n    timeout: 2m\n    assert_stdout: '8080'\n"
        ));
    }
    let place = Place::with_manifest(&manifest);
    let output = place.run(&["run", "--isolation", "full", "--jobs", "200"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("200 passed"), "{text}");
    assert!(place.is_clean());
}
