//! The certificate: what is said of it, and that it is read again.

use std::fs;
use std::io::{Read, Write};

use broker_testkit::authority::Authority;
use expect_test::{Expect, expect};
use rustix::process::Signal;

use crate::broker::{Broker, connect, serve};
use crate::process::{Directory, run};

const FILE: &str = "[tls]\ncert = 'cert.pem'\nkey = 'key.pem'\n";

/// A directory with a configuration that names a certificate and its key, and with both.
fn directory(authority: &Authority) -> Directory {
    let directory = Directory::with("wsbroker.toml", FILE);
    install(&directory, authority);
    directory
}

fn install(directory: &Directory, authority: &Authority) {
    let issued = authority.issue();
    let path = directory.path();
    fs::write(path.join("cert.pem"), issued.certificate).expect("the certificate is written");
    fs::write(path.join("key.pem"), issued.key).expect("the key is written");
}

fn check(directory: &Directory, expected: Expect) {
    expected.assert_eq(&run(directory, &["check"]).to_string());
}

#[test]
fn a_certificate_with_its_key_is_ok_and_shows_in_the_address() {
    let directory = directory(&Authority::new());
    check(
        &directory,
        expect![[r#"
            exit 0
            out: wsbroker.toml: ok
        "#]],
    );
    let broker = Broker::start(&mut serve(&directory));
    let message = broker.listening["msg"].as_str().expect("a text");
    assert!(message.contains("wss://127.0.0.1:"), "{message}");
}

#[test]
fn files_that_cannot_be_used_are_named_with_exit_78() {
    let directory = directory(&Authority::new());
    let path = directory.path();
    fs::write(path.join("cert.pem"), "").expect("a file");
    check(
        &directory,
        expect![[r#"
            exit 78
            err: wsbroker.toml:2:8: `tls.cert`: cert.pem: there is no certificate in it (expected PEM: -----BEGIN CERTIFICATE-----)
        "#]],
    );
    install(&directory, &Authority::new());
    let other = Authority::new().issue().key;
    fs::write(path.join("key.pem"), other).expect("a file");
    check(
        &directory,
        expect![[r#"
            exit 78
            err: wsbroker.toml:3:7: `tls.key`: key.pem: the private key does not belong to the certificate
        "#]],
    );
    fs::write(
        path.join("key.pem"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .expect("a file");
    check(
        &directory,
        expect![[r#"
            exit 78
            err: wsbroker.toml:3:7: `tls.key`: key.pem: the private key is encrypted; store it without a passphrase, readable by the broker alone
        "#]],
    );
    fs::remove_file(path.join("key.pem")).expect("it is there");
    check(
        &directory,
        expect![[r#"
            exit 78
            err: wsbroker.toml:3:7: `tls.key`: cannot read key.pem: No such file or directory (os error 2)
        "#]],
    );
    assert_eq!(run(&directory, &["serve"]).code, Some(78));
    check(
        &Directory::with("wsbroker.toml", "tls.cert = 'cert.pem'"),
        expect![[r#"
            exit 78
            err: wsbroker.toml:1:12: `tls.key` is not set; a certificate and its key need each other
        "#]],
    );
}

#[test]
fn hup_reads_the_certificate_again_and_a_bad_one_changes_nothing() {
    let authority = Authority::new();
    let directory = directory(&authority);
    let mut broker = Broker::start(&mut serve(&directory));
    install(&directory, &authority);
    broker.signal(Signal::HUP);
    assert_eq!(broker.next_record()["event"], "reloaded");
    fs::write(directory.path().join("cert.pem"), "").expect("a file");
    broker.signal(Signal::HUP);
    let record = broker.next_record();
    let message = record["msg"].as_str().expect("a text");
    let expected = "the certificate stays as it is: `tls.cert`: cert.pem: there is no certificate";
    assert!(message.starts_with(expected), "{record}");
    broker.signal(Signal::USR1);
    assert_eq!(broker.next_record()["event"], "status", "one line, no more");
}

#[test]
fn one_line_says_who_took_the_port_for_another() {
    let hello: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (directory, spoken, line) in [
        (
            Directory::new(),
            hello,
            "a TLS hello to a port that does not speak TLS; tls.cert and tls.key are not set",
        ),
        (
            directory(&Authority::new()),
            request,
            "plain HTTP to the TLS port",
        ),
    ] {
        let mut broker = Broker::start(&mut serve(&directory));
        let mut client = connect(&broker.listening["public"]);
        client.write_all(spoken).expect("it listens");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(broker.next_record()["msg"], line);
        broker.signal(Signal::USR1);
        assert_eq!(broker.next_record()["event"], "status", "one line, no more");
    }
}
