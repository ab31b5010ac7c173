//! What is said of the backend before any client has come: by `serve` in its log, by `check`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use broker_testkit::authority::Authority;
use expect_test::{Expect, expect};
use rustix::process::Signal;

use crate::broker::{Broker, PATIENCE, serve};
use crate::process::{Directory, wsbroker};

/// Starts a broker in front of a backend that says `answer` to the one request that is made of it; gives the request's
/// head and the record about the backend.
fn started(answer: &'static str) -> (String, serde_json::Value) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("it listens"));
    let backend = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the broker connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a whole head comes");
            head.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).expect("it is read");
        String::from_utf8(head).expect("a head is ASCII")
    });
    let directory = Directory::new();
    let mut broker = Broker::start(serve(&directory).args(["--backend", &url]));
    let record = broker.next_record();
    assert_eq!(record["backend"], url.as_str(), "{record}");
    (backend.join().expect("the backend answers"), record)
}

#[test]
fn serve_looks_once_for_the_backend_and_tells_what_it_saw() {
    let (head, record) = started("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert!(head.starts_with("HEAD /hook HTTP/1.1\r\n"), "{head}");
    assert!(!head.to_lowercase().contains("wsbroker-event"), "{head}");
    assert_eq!(record["level"], "info", "{record}");
    assert_eq!(record["msg"], "backend answers (200)");
    let (_, record) = started("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(record["level"], "warn", "{record}");
    let message = record["msg"].as_str().expect("a text");
    assert!(
        message.starts_with("backend answers HEAD with 500; "),
        "{message}"
    );
}

/// The backend takes the connection and never answers; were it waited for, nothing of this would happen.
#[test]
fn nobody_waits_for_the_backend_neither_at_the_start_nor_at_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it listens"));
    let directory = Directory::with("wsbroker.toml", "backend.timeout = '1h'");
    let mut broker = Broker::start(serve(&directory).args(["--backend", &url]));
    let _asked = listener.accept().expect("the broker connects");
    broker.signal(Signal::USR1);
    assert_eq!(broker.next_record()["event"], "status");
    broker.signal(Signal::TERM);
    let (code, log) = broker.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("does not answer"), "{log}");
}

/// By whom an authority is trusted.
enum Trusted<'a> {
    /// `backend.ca` names it.
    ByName(&'a Authority),
    /// The system has it among its own.
    BySystem(&'a Authority),
}

use Trusted::{ByName, BySystem};

/// Checks a broker whose backend is another broker, with TLS: what answers `HEAD` with a certificate for `localhost`.
fn check(server: &Authority, host: &str, trusted: Trusted<'_>, expected: Expect) {
    let issued = server.issue();
    let files = Directory::with(
        "wsbroker.toml",
        "[tls]\ncert = 'cert.pem'\nkey = 'key.pem'\n",
    );
    let write = |name: &str, text: &str| {
        let path = files.path().join(name);
        fs::write(&path, text).expect("the file is written");
        path
    };
    write("cert.pem", &issued.certificate);
    write("key.pem", &issued.key);
    let backend = Broker::start(&mut serve(&files));
    let address = backend.listening["public"].as_str().expect("an address");
    let port = address.rsplit(':').next().expect("a port");
    let mut file = format!("[backend]\nurl = 'https://{host}:{port}/'\n");
    let system = match trusted {
        ByName(authority) => {
            let path = write("ca.pem", authority.root());
            file.push_str(&format!("ca = '{}'\n", path.display()));
            write("system.pem", server.root())
        }
        BySystem(authority) => write("system.pem", authority.root()),
    };
    let output = wsbroker(&Directory::with("wsbroker.toml", &file))
        .arg("check")
        .env("SSL_CERT_FILE", system)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8(output.stderr).expect("stderr is UTF-8");
    expected.assert_eq(&said.replace(port, "PORT"));
}

#[test]
fn check_tells_whether_a_backend_with_tls_is_trusted() {
    let [ours, others] = [Authority::new(), Authority::new()];
    check(
        &ours,
        "localhost",
        ByName(&ours),
        expect![[r#"
        backend https://localhost:PORT/ answers (405)
    "#]],
    );
    check(
        &ours,
        "localhost",
        BySystem(&ours),
        expect![[r#"
        backend https://localhost:PORT/ answers (405)
    "#]],
    );
    check(
        &ours,
        "localhost",
        ByName(&others),
        expect![[r#"
        warning: backend https://localhost:PORT/ cannot be reached: TLS: its certificate is from no authority that is trusted; it is none of those in backend.ca; events are held until it can be: is it running, and is backend.url right?
    "#]],
    );
    check(
        &ours,
        "localhost",
        BySystem(&others),
        expect![[r#"
        warning: backend https://localhost:PORT/ cannot be reached: TLS: its certificate is from no authority that is trusted; if the authority is your own, name its certificate in backend.ca; events are held until it can be: is it running, and is backend.url right?
    "#]],
    );
    check(
        &ours,
        "127.0.0.1",
        ByName(&ours),
        expect![[r#"
        warning: backend https://127.0.0.1:PORT/ cannot be reached: TLS: its certificate is refused: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost"); events are held until it can be: is it running, and is backend.url right?
    "#]],
    );
}
