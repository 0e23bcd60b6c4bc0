//! Ports and sockets.

use std::fs;

use super::{program, run};
use crate::support::Place;

#[test]
fn auto_ports_of_fifty_plans_twenty_times_over_never_collide() {
    let server = program("server");
    let mut manifest = String::new();
    for plan in 0..50 {
        manifest.push_str(&format!(
            "test_{plan}:
  - spawn: {{argv: [{}, tcp, '${{port}}'], listen: http, ready: {{port: http}}}}
  - kill: server
",
            server.display()
        ));
    }
    let place = Place::with_manifest(&manifest);
    let (code, told) = run(&place, &["--repeat", "20", "--jobs", "8", "--keep-logs", "failed"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(place.results()["counts"]["tests"], 50 * 20 * 2);
}

#[test]
fn a_released_port_is_for_servers_that_want_it_for_themselves() {
    let place = Place::with_manifest(&format!(
        "test_it:
  - spawn: {{argv: [{}, tcp, '${{port}}'], listen: http, reserve: false, ready: {{port: http}}}}
  - kill: server
",
        program("server").display()
    ));
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn cases_that_share_a_fixed_port_run_one_after_the_other() {
    let mut manifest = String::new();
    for case in 0..4 {
        manifest.push_str(&format!(
            "test_{case}:
  - spawn: {{argv: [{}, tcp, '${{port}}'], listen: {{http: 21987}}, ready: {{port: http}}}}
  - run: [sleep, '0.05']
  - kill: server
",
            program("server").display()
        ));
    }
    let place = Place::with_manifest(&manifest);
    let (code, told) = run(&place, &["--jobs", "4"]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_socket_is_passed_by_the_listen_fds_protocol() {
    let place = Place::with_manifest(
        "test_it:
  - run:
      argv: [sh, -c, 'echo $LISTEN_FDS $LISTEN_FDNAMES; test $LISTEN_PID = $$ || exit 9; ls /proc/$$/fd; readlink /proc/$$/fd/3 /proc/$$/fd/4']
      listen: {http: fd, admin: fd}
    assert_stdout_matches: '^2 http:admin\\n0\\n1\\n2\\n3\\n4\\nsocket:\\[\\d+\\]\\nsocket:\\[\\d+\\]\\n$'
",
    );
    let (code, told) = run(&place, &[]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_unix_socket_is_short_enough_however_long_the_sandbox_directory() {
    let place = Place::with_manifest(&format!(
        "test_it:
  - spawn: {{argv: [{}, unix, '${{socket}}'], listen: {{api: unix}}, ready: {{port: api}}}}
  - kill: server
",
        program("server").display()
    ));
    let long = place.tmp().join("d".repeat(120)).join("e".repeat(120));
    fs::create_dir_all(&long).expect("a writable directory");
    let long = long.display().to_string();
    let (code, told) = run(&place, &["--sandbox-dir", &long]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(fs::read_dir(long).expect("a directory").count(), 0);
}
