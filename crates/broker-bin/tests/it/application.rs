//! An application that says the same to whatever it is asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Starts one, which lives as long as the tests; its address. It closes each connection behind its answer.
pub(crate) fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("it listens"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever asks may have gone.
            thread::spawn(move || serve(stream, answer));
        }
    });
    url
}

fn serve(stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length])?;
    let length = answer
        .split_once("\r\n\r\n")
        .map_or(0, |(_, body)| body.len());
    let (status, rest) = answer.split_once("\r\n").expect("a status line");
    let head = format!("{status}\r\nContent-Length: {length}\r\nConnection: close\r\n{rest}");
    reader.get_mut().write_all(head.as_bytes())
}
