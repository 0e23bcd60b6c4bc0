//! `raw-client PORT CONNECTIONS REQUESTS THREADS`: the floor of an HTTP client. Each of CONNECTIONS connections sends
//! REQUESTS requests, one after the other; nothing is parsed, nothing is judged.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn main() -> io::Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [port, connections, requests, threads] = numbers[..] else {
        return Err(io::Error::other("raw-client PORT CONNECTIONS REQUESTS THREADS"));
    };
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::Relaxed) < connections {
                        converse(port as u16, requests)?;
                    }
                    Ok(())
                })
            })
            .collect();
        all.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))))
    })
}

fn converse(port: u16, requests: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    for _ in 0..requests {
        stream.write_all(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut got = 0;
        // The answer is the same each time, and ends in two braces.
        while !buffer[..got].ends_with(b"}}") {
            match stream.read(&mut buffer[got..])? {
                0 => return Err(io::Error::other("closed")),
                read => got += read,
            }
        }
    }
    Ok(())
}
