//! A server that accepts connections and says nothing: `server tcp PORT` or `server unix PATH`.
//!
//! Compiled by the tests with nothing but `rustc`.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match (args.get(1).map(String::as_str), args.get(2)) {
        (Some("tcp"), Some(port)) => {
            let listener = TcpListener::bind(("127.0.0.1", port.parse().expect("a port"))).expect("a free port");
            listener.incoming().for_each(drop);
        }
        (Some("unix"), Some(path)) => {
            let listener = UnixListener::bind(path).expect("a free path");
            listener.incoming().for_each(drop);
        }
        _ => panic!("usage: server tcp PORT | unix PATH"),
    }
}
