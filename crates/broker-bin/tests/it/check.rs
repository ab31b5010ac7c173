//! `wsbroker check`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::thread;

use expect_test::{Expect, expect};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::process::{Directory, run, wsbroker};

fn check(file: &str, expected: Expect) {
    let directory = Directory::with("wsbroker.toml", file);
    expected.assert_eq(&run(&directory, &["check"]).to_string());
}

#[test]
fn a_right_file_is_ok() {
    check(
        "[backend]\nurl = 'none'\n",
        expect![[r#"
        exit 0
        out: wsbroker.toml: ok
    "#]],
    );
}

#[test]
fn without_a_file_the_defaults_are_ok() {
    expect![[r#"
        exit 0
        out: no configuration file: ok
    "#]]
    .assert_eq(&run(&Directory::new(), &["check"]).to_string());
}

#[test]
fn everything_wrong_is_told_with_its_place_and_exit_78() {
    check(
        "[backend]\nulr = 'x'\ntimeout = 10\nretries = 0\n[listen]\npublic = ':80'\n",
        expect![[r#"
            exit 78
            err: wsbroker.toml:2:1: unknown key `backend.ulr`; did you mean `backend.url`?
            err: wsbroker.toml:3:11: `backend.timeout`: invalid type: integer `10`, expected a time with its unit, such as "100ms", "25s" or "5m"
            err: wsbroker.toml:4:11: `backend.retries`: invalid value: integer `0`, expected a whole number from 1 to 4294967295
            err: wsbroker.toml:6:10: `listen.public`: `:80` has no host: write 127.0.0.1:80, or 0.0.0.0:80 for every interface
        "#]],
    );
    check(
        "[backend\n",
        expect![[r#"
        exit 78
        err: wsbroker.toml:1:9: unclosed table, expected `]`
    "#]],
    );
}

#[test]
fn a_listener_for_everybody_without_rules_is_exit_78() {
    check(
        "listen.public = '0.0.0.0:4080'",
        expect![[r#"
        exit 78
        err: wsbroker.toml:1:17: `listen.public` is 0.0.0.0:4080, which other machines can reach, but no rule says which web pages may connect; add
        err: 
        err:     [access]
        err:     origins = ["https://example.org"]   # your site; "*" admits every page
        err: 
        err: or start with --insecure
    "#]],
    );
}

#[test]
fn a_named_file_that_is_missing_is_exit_78() {
    let directory = Directory::with("wsbroker.toml", "");
    expect![[r#"
        exit 78
        err: -c: there is no file wsbrokr.toml; did you mean wsbroker.toml?
    "#]]
    .assert_eq(&run(&directory, &["check", "-c", "wsbrokr.toml"]).to_string());
    let output = wsbroker(&directory)
        .arg("check")
        .env("WSBROKER_CONFIG", "other.toml")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn the_environment_is_checked_too() {
    let output = wsbroker(&Directory::new())
        .arg("check")
        .env("WSBROKER_LIMITS__MAX_BODY", "1")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(78));
    expect![[r#"
        environment variable WSBROKER_LIMITS__MAX_BODY: `limits.max_body`: `1` has no unit: expected a size with its unit, such as "64KiB" or "1MiB"
    "#]].assert_eq(&String::from_utf8_lossy(&output.stderr));
}

/// Checks a file whose backend is `listener`'s, which answers once with
/// `answer`; gives the request's head and what was said.
fn ask(answer: &'static str) -> (String, String) {
    ask_with("", answer)
}

/// The same with more lines for the section `backend`.
fn ask_with(more: &str, answer: &'static str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let backend = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the broker connects");
        let head = read_head(&mut stream);
        stream
            .write_all(answer.as_bytes())
            .expect("the broker reads");
        head
    });
    let file = format!("[backend]\nurl = 'http://user:secret@127.0.0.1:{port}/hook?a=1'\n{more}");
    let ended = run(&Directory::with("wsbroker.toml", &file), &["check"]).to_string();
    let head = backend.join().expect("the backend answers");
    let hide = |text: String| text.replace(&port.to_string(), "PORT").replace('\r', "");
    (hide(head), hide(ended))
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a whole head comes");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("a head is ASCII")
}

#[test]
fn a_backend_is_asked_by_head_and_never_told_an_event() {
    let (head, ended) = ask("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    assert!(head.starts_with("HEAD /hook?a=1 HTTP/1.1\n"), "{head}");
    assert!(!head.to_lowercase().contains("wsbroker-event"), "{head}");
    expect![[r#"
        exit 0
        out: wsbroker.toml: ok
        err: backend http://user:…@127.0.0.1:PORT/hook?a=1 answers (405)
    "#]]
    .assert_eq(&ended);
}

#[test]
fn a_backend_that_answers_oddly_is_a_warning() {
    let (_, ended) = ask("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    expect![[r#"
        exit 0
        out: wsbroker.toml: ok
        err: warning: backend http://user:…@127.0.0.1:PORT/hook?a=1 answers HEAD with 404; is the path in backend.url right? All is well if it takes nothing but POST there
    "#]]
    .assert_eq(&ended);
    let (_, ended) = ask("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n");
    expect![[r#"
        exit 0
        out: wsbroker.toml: ok
        err: warning: backend http://user:…@127.0.0.1:PORT/hook?a=1 answers HEAD with 302; events never follow a redirect: set backend.url to where it leads
    "#]].assert_eq(&ended);
}

#[test]
fn a_backend_that_is_down_is_a_warning() {
    // Bound, so that nobody else gets the port, but not listening.
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = getsockname(&socket).expect("it is bound");
    let port = SocketAddrV4::try_from(address).expect("it is IPv4").port();
    let file = format!("[backend]\nurl = 'http://127.0.0.1:{port}/'\n");
    let ended = run(&Directory::with("wsbroker.toml", &file), &["check"]);
    assert_eq!(ended.code, Some(0), "{ended}");
    expect![[r#"
        warning: backend http://127.0.0.1:PORT/ cannot be reached: tcp connect error: Connection refused (os error 111); events are held until it can be: is it running, and is backend.url right?
    "#]].assert_eq(&ended.stderr.replace(&port.to_string(), "PORT"));
}

#[test]
fn a_backend_that_refuses_what_is_not_signed_is_fine() {
    let (head, ended) = ask_with(
        "format = 'form'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n",
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
    );
    assert!(!head.contains("webhook-"), "{head}");
    expect![[r#"
        exit 0
        out: wsbroker.toml: ok
        err: backend http://user:…@127.0.0.1:PORT/hook?a=1 answers (401, since a HEAD is not signed)
    "#]]
    .assert_eq(&ended);
}
