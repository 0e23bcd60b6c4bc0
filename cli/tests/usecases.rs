//! Usecases against real servers, and what no folder of testdata can show: many at once, apps of others, proxies.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::thread;
use std::time::Duration;

use crate::support::{PATH, Place, copy_dir, repository};

/// Where `.ci/install` puts what comes from PyPI and npm.
fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from);
    cache.join("foresee-ci")
}

/// A file that `.ci/install` installs.
fn installed(file: PathBuf) -> PathBuf {
    assert!(file.is_file(), "{} is missing; install what the tests need: .ci/install", file.display());
    file
}

/// Runs a folder of `testdata/servers`.
fn serve(folder: &str, path: &str) {
    let place = Place::new();
    copy_dir(&repository().join("testdata/servers").join(folder), &place.cwd());
    let output = place.foresee(&["run", "--jobs", "2"]).env("PATH", path).output().expect("foresee can be executed");
    passes(&place, &output);
}

fn passes(place: &Place, output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{told}{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(place.is_clean(), "something is left in the sandbox directory");
}

#[test]
fn flask_under_gunicorn_by_port_passed_socket_and_unix_socket() {
    let gunicorn = installed(cache().join("venv/bin/gunicorn"));
    serve("flask", &format!("{}:{PATH}", gunicorn.parent().expect("a directory").display()));
}

#[test]
fn nginx_redirects_headers_cookies_gzip_head_and_ranges() {
    installed("/usr/sbin/nginx".into());
    serve("nginx", PATH);
}

#[test]
fn the_quickstart_passes() {
    let place = Place::new();
    copy_dir(&repository().join("testdata/quickstart"), &place.cwd());
    passes(&place, &place.run(&["run", "test_pages.yml"]));
}

/// Five hundred cases, each with a server of its own on a port of its own.
fn five_hundred(listen: &str, isolation: &str) {
    let mut manifest = format!("app: {{argv: [./hostile, \"${{port}}\"], listen: {{http: {listen}}}}}\n");
    for case in 0..500 {
        manifest.push_str(&format!(
            "test_{case}: [{{path: /, assert_status: 200}}, {{path: /, assert_body: \"hello\\n\"}}]\n"
        ));
    }
    let place = Place::with_manifest(&manifest);
    place.link_example("hostile");
    let output = place.run(&["run", "--jobs", "16", "--isolation", isolation]);
    passes(&place, &output);
    let verdicts = place.verdicts();
    assert_eq!(verdicts.lines().count(), 1500, "{verdicts}");
    assert!(verdicts.lines().all(|line| line.starts_with("passed")), "{verdicts}");
}

#[test]
fn five_hundred_usecases_at_once_on_reserved_ports() {
    five_hundred("auto", "none");
}

#[test]
fn five_hundred_usecases_at_once_on_one_fixed_port() {
    five_hundred("18081", "auto");
}

/// A server of ours that is ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The hostile server on a free port, once it listens there.
fn outside() -> (Server, u16) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let program = PathBuf::from(env!("CARGO_BIN_EXE_foresee")).with_file_name("examples").join("hostile");
    let server = Server(Command::new(program).arg(port.to_string()).spawn().expect("hostile can be executed"));
    for _ in 0..1000 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return (server, port);
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("hostile does not listen");
}

#[test]
fn an_app_that_someone_else_runs_is_asked_and_left_alone() {
    let (mut server, port) = outside();
    let place = Place::with_manifest(&format!(
        "app: {{url: \"http://localhost:{port}\"}}\nsandbox: {{network: host}}\n\
         test_it: [{{path: /, assert_status: 200}}, {{path: /loop, assert_redirect: /loop}}]\n"
    ));
    passes(&place, &place.run(&["run"]));
    assert!(server.0.try_wait().expect("a state").is_none(), "the server was ended");
}

#[test]
fn proxies_of_the_environment_are_ignored() {
    let place = Place::with_manifest(
        "app: [./hostile, \"${port}\"]\ninherit_env: [http_proxy]\ntest_it: {path: /, assert_status: 200}\n",
    );
    place.link_example("hostile");
    let mut command = place.foresee(&["run"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    passes(&place, &command.output().expect("foresee can be executed"));
}

#[test]
fn what_failed_is_told_in_the_report_as_well() {
    let place = Place::with_manifest(
        "app: [./hostile, \"${port}\"]\ntest_it: {path: /, assert_status: 404, assert_contains: hello}\n",
    );
    place.link_example("hostile");
    assert_eq!(place.run(&["run"]).status.code(), Some(1));
    let junit = place.read("foresee-out/junit.xml");
    for part in ["type=\"assertion\"", "the status is 200 OK, not 404", "hello", "assert_contains: holds"] {
        assert!(junit.contains(part), "{part} is not in the report:\n{junit}");
    }
    let kept = fs::read_dir(place.cwd().join("foresee-out/failed/test.test_it")).expect("kept logs");
    let names: Vec<_> = kept.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    assert!(names.iter().any(|name| name.ends_with(".response.txt")), "{names:?}");
}

/// The compliance suite of RFC 9535, as an npm package carries it.
#[test]
fn jsonpath_is_that_of_the_rfc() {
    let suite = "npm/node_modules/jsonpath-rfc9535/src/__tests__/jsonpath-compliance-test-suite/cts.json";
    let text = fs::read_to_string(installed(cache().join(suite))).expect("the suite can be read");
    let suite: serde_json::Value = serde_json::from_str(&text).expect("the suite is JSON");
    let tests = suite["tests"].as_array().expect("the suite has tests");
    assert!(tests.len() > 600, "the suite has just {} tests", tests.len());
    let mut failed = Vec::new();
    for test in tests {
        let selector = test["selector"].as_str().expect("a selector");
        let holds = match serde_json_path::JsonPath::parse(selector) {
            Err(_) => test["invalid_selector"] == true,
            Ok(path) => {
                let found: Vec<_> = path.query(&test["document"]).all().into_iter().cloned().collect();
                let found = serde_json::Value::from(found);
                let one_of = test["results"].as_array().is_some_and(|results| results.contains(&found));
                test["result"] == found || one_of
            }
        };
        if !holds {
            failed.push(format!("{}: {selector}", test["name"]));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
