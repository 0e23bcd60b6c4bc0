//! A server that does to its clients whatever the path says: a test double for what goes wrong in the wild.
//!
//! `hostile PORT` serves a port of the loopback, `hostile /PATH` a unix socket. Every connection has a thread of its own.
//! With `PATH=NUMBER` after the first argument it answers that path with that status, for tests of readiness.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::time::Duration;
use std::{env, io, process, thread};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| "8080".into());
    let statuses: Vec<(String, String)> =
        arguments.filter_map(|a| a.split_once('=').map(|(path, status)| (path.into(), status.into()))).collect();
    if place.starts_with('/') {
        let listener = UnixListener::bind(place)?;
        for stream in listener.incoming() {
            let (stream, statuses) = (stream?, statuses.clone());
            thread::spawn(move || serve(&stream, &statuses));
        }
    } else {
        let port: u16 = place.parse().map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        for stream in listener.incoming() {
            let (stream, statuses) = (stream?, statuses.clone());
            stream.set_nodelay(true)?;
            thread::spawn(move || serve(&stream, &statuses));
        }
    }
    Ok(())
}

fn serve<S: AsFd>(stream: &S, statuses: &[(String, String)]) -> io::Result<()>
where
    for<'s> &'s S: Read + Write,
{
    let (mut input, mut output) = (BufReader::new(stream), stream);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            if input.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        if let Some((_, status)) = statuses.iter().find(|(known, _)| *known == path) {
            write!(output, "HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        match answer(&path, &mut output, stream.as_fd()) {
            Ok(true) => {}
            _ => return Ok(()),
        }
    }
}

/// Answers; whether another request may come on this connection.
fn answer(path: &str, output: &mut impl Write, fd: BorrowedFd<'_>) -> io::Result<bool> {
    let full = |output: &mut dyn Write, headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        output.write_all(&[head.as_bytes(), body].concat())
    };
    let for_ever = || loop {
        thread::sleep(Duration::from_secs(3600));
    };
    match path {
        "/garbage" => {
            output.write_all(b"SSH-2.0-OpenSSH_9.9\r\n")?;
            for_ever()
        }
        "/bad-header" => output.write_all(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")?,
        "/endless-head" => {
            output.write_all(b"HTTP/1.1 200 OK\r\n")?;
            while output.write_all(b"X-More: and more and more and more\r\n").is_ok() {}
        }
        "/many-headers" => {
            let head = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(5000));
            output.write_all(head.as_bytes())?;
        }
        "/cut-head" => output.write_all(b"HTTP/1.1 200 OK\r\nContent-Le")?,
        "/short" => output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")?,
        "/long" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n0123456789")?;
            return Ok(true);
        }
        "/two-lengths" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n012345")?
        }
        "/bad-chunk" => output.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")?,
        "/cut-chunk" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe")?
        }
        "/reset" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")?;
            thread::sleep(Duration::from_millis(50));
            reset(fd);
        }
        "/empty" => {}
        "/silent" => for_ever(),
        "/stall" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")?;
            for_ever()
        }
        "/drip" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;extension=")?;
            while output.write_all(b".").is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        }
        "/interim" => while output.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {},
        "/loop" => {
            output.write_all(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        "/away" => {
            output.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        "/huge" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")?;
            let block = vec![b'x'; 1 << 20];
            (0..100).try_for_each(|_| output.write_all(&block))?;
        }
        "/huge-chunked" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let block = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
            (0..100).try_for_each(|_| output.write_all(&block))?;
            output.write_all(b"0\r\n\r\n")?;
        }
        "/huge-close" => {
            output.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let block = vec![b'x'; 1 << 20];
            (0..100).try_for_each(|_| output.write_all(&block))?;
        }
        "/not-utf8" => {
            full(output, "Content-Type: text/plain\r\n", b"caf\xe9 au lait\n")?;
            return Ok(true);
        }
        "/bomb" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let block = vec![0; 1 << 20];
            (0..64).try_for_each(|_| encoder.write_all(&block))?;
            full(output, "Content-Encoding: gzip\r\n", &encoder.finish()?)?;
            return Ok(true);
        }
        "/bad-gzip" => {
            full(output, "Content-Encoding: gzip\r\n", b"this is not gzip")?;
            return Ok(true);
        }
        "/exit" => {
            eprintln!("fatal: asked to exit");
            process::exit(3);
        }
        "/exit-later" => {
            // The answer breaks off first, the exit follows.
            output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")?;
            thread::spawn(|| {
                thread::sleep(Duration::from_millis(100));
                eprintln!("fatal: asked to exit later");
                process::exit(3);
            });
        }
        "/hang-up" => {
            // Answers, and closes the connection without a word on it.
            full(output, "", b"bye")?;
        }
        _ => {
            full(output, "Content-Type: text/plain\r\n", b"hello\n")?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes the end of the connection a reset.
fn reset(socket: BorrowedFd<'_>) {
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Linger, &linger);
}
