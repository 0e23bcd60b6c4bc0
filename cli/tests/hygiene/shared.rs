//! Cases that start no process, of which one executor does several.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::signals::send;
use super::{PATIENCE, children, state, until};
use crate::support::Place;

/// An app that answers `/`, and tells of every other request instead of answering it.
fn app() -> (u16, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (asked, hears) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let asked = asked.clone();
            thread::spawn(move || {
                let mut request = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut request) {
                    if request[..count].starts_with(b"GET / ") {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                    } else {
                        let _ = asked.send(());
                    }
                }
            });
        }
    });
    (port, hears)
}

/// foresee with a case that is done, one that waits for ever for an answer, and one that is still to come.
fn waiting() -> (Place, Child) {
    let (port, asked) = app();
    let place = Place::with_manifest(&format!(
        "app: {{url: 'http://localhost:{port}'}}
sandbox: {{network: host}}
timeout: 1000s
test_done: {{path: /, assert_status: 200}}
test_running: {{path: /never, assert_status: 200}}
test_to_come: {{path: /, assert_status: 200}}
"
    ));
    let mut command = place.foresee(&["run", "--isolation", "none", "--jobs", "1"]);
    let foresee = command.stdout(Stdio::null()).spawn().expect("foresee");
    asked.recv_timeout(PATIENCE).expect("the app is asked");
    (place, foresee)
}

/// The run of [`waiting`] ends with this status, the case that waited with this problem, and the last one with this verdict.
fn ended(place: &Place, foresee: &mut Child, code: i32, problem: &str, last: &str) {
    assert_eq!(foresee.wait().expect("it ends").code(), Some(code));
    assert_eq!(
        place.verdicts(),
        format!(
            "passed  test.yml :: test_done :: lifecycle
passed  test.yml :: test_done :: GET /: assert_status
error {problem}  test.yml :: test_running :: lifecycle
skipped  test.yml :: test_running :: GET /never: assert_status
{last} test.yml :: test_to_come :: lifecycle
{last} test.yml :: test_to_come :: GET /: assert_status
"
        )
    );
    assert!(place.is_clean());
}

#[test]
fn a_signal_reaches_a_case_that_came_second_on_its_executor() {
    let (place, mut foresee) = waiting();
    send(foresee.id().cast_signed(), "TERM");
    ended(&place, &mut foresee, 143, "interrupted", "skipped ");
}

#[test]
fn an_executor_that_is_killed_takes_no_other_case_with_it() {
    let (place, mut foresee) = waiting();
    let zygote = children(foresee.id().cast_signed())[0];
    // Those that wait for a case, and then the first, which has one.
    let mut executors = children(zygote);
    executors.sort_unstable();
    for executor in executors.into_iter().rev() {
        send(executor, "KILL");
        until("the executor is gone", || !matches!(state(executor), Some('R' | 'S' | 'D')));
    }
    ended(&place, &mut foresee, 3, "internal", "passed ");
}

/// Whatever becomes of one of them: the others don't notice that they have its executor.
#[test]
fn cases_come_out_alike_on_one_executor_and_on_many() {
    let (port, _asked) = app();
    let manifest = format!(
        "app: {{url: 'http://localhost:{port}'}}
sandbox: {{network: host}}
test_holds: {{path: /, assert_status: 200}}
test_fails: {{path: /, assert_status: 404}}
test_hangs: [{{path: /never, timeout: 100ms, assert_status: 200}}, {{path: /, assert_status: 200}}]
test_late: {{deadline: 100ms, steps: [{{path: /never, assert_status: 200}}]}}
test_twice: {{attempts: 2, steps: [{{path: /, assert_contains: nothing like it}}]}}
test_process: [{{run: ['true']}}]
test_holds_again: {{path: /, assert_status: 200}}
"
    );
    let verdicts = |isolation: &str, jobs: &str| {
        let place = Place::with_manifest(&manifest);
        let output = place.run(&["run", "--isolation", isolation, "--jobs", jobs]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(place.is_clean());
        place.verdicts()
    };
    let expected = verdicts("auto", "1");
    assert!(expected.contains("passed  test.yml :: test_holds_again"), "{expected}");
    for jobs in ["1", "2", "4"] {
        assert_eq!(verdicts("none", jobs), expected, "with {jobs} jobs");
    }
}
