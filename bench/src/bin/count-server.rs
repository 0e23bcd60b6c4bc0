//! `count-server PORT`: an HTTP server that does next to nothing, and counts. Every request gets the same JSON; `/__count`
//! gets the numbers of connections and requests since it was asked last, without its own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const BODY: &str = r#"{"id":5,"name":"Ann","tags":["a","b","c"],"nested":{"ok":true,"n":1.5}}"#;

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).ok_or(io::Error::other("count-server PORT"))?;
    for stream in TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.incoming() {
        let stream = stream?;
        CONNECTIONS.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || serve(stream));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 16 << 10];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if !buffer[..filled].ends_with(b"\r\n\r\n") {
            continue;
        }
        let body = if buffer.starts_with(b"GET /__count ") {
            let connections = CONNECTIONS.swap(0, Ordering::SeqCst) - 1;
            format!("{connections} {}", REQUESTS.swap(0, Ordering::SeqCst))
        } else {
            REQUESTS.fetch_add(1, Ordering::SeqCst);
            BODY.to_owned()
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Bench: yes\r\n";
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        filled = 0;
    }
}
