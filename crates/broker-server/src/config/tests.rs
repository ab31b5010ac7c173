//! Claims about the configuration, in its own words.

mod addresses;
mod backend;
mod endpoints;
mod rules;
mod units;
mod words;

use std::fmt::{Debug, Display, Write as _};
use std::str::FromStr;

use expect_test::Expect;

use super::{Config, KEYS};

fn read(text: &str) -> Result<Config, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

/// Parses each text; one line of the result for each.
fn check<T>(texts: &[&str], expected: Expect)
where
    T: FromStr + Debug,
    T::Err: Display,
{
    let mut lines = String::new();
    for text in texts {
        match text.parse::<T>() {
            Ok(value) => writeln!(lines, "{text} -> {value:?}"),
            Err(error) => writeln!(lines, "{text} -> error: {error}"),
        }
        .expect("a String takes every line");
    }
    expected.assert_eq(&lines);
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let written_out = r#"
        [listen]
        public = "127.0.0.1:4080"
        admin = "127.0.0.1:4081"
        shards = 0
        proxy_protocol = false
        [[endpoint]]
        path = "*"
        dialect = "wsbroker"
        binary = "event"
        [backend]
        url = "none"
        format = "multipart"
        timeout = "10s"
        max_in_flight = 256
        max_answer = "4MiB"
        headers = []
        [backend.hold]
        max_events = 1000
        max_bytes = "64MiB"
        on_full = "pause"
        [access]
        allow = []
        origins = []
        tokens = []
        trusted_proxies = []
        [limits]
        max_connections = 0
        max_connections_per_ip = 0
        max_message = "1MiB"
        max_fragments = 1024
        message_timeout = "30s"
        max_send_queue = "1MiB"
        write_timeout = "10s"
        slow_consumer = "close"
        max_session = "16KiB"
        max_body = "1MiB"
        max_commands = 10000
        max_header = "16KiB"
        first_byte_timeout = "5s"
        handshake_timeout = "10s"
        body_timeout = "10s"
        close_timeout = "5s"
        [websocket]
        ping_interval = "25s"
        pong_timeout = "10s"
        compression = "auto"
        compression_min = "1KiB"
        subprotocols = []
        [session]
        cookies = "all"
        [drain]
        timeout = "25s"
        [log]
        level = "info"
        format = "auto"
    "#;
    assert_eq!(read(written_out), Ok(Config::default()));
    assert_eq!(read(""), Ok(Config::default()));
    assert_eq!(Config::default().validate(), []);
    assert_eq!(Config::default().exposed(), []);
}

/// What TOML would say if `key` were set to a value that fits none.
fn misread(path: &str) -> String {
    let nothing_fits = "1979-05-27";
    let text = match path.strip_prefix("endpoint.") {
        Some(name) => format!("[[endpoint]]\n{name} = {nothing_fits}"),
        None => format!("{path} = {nothing_fits}"),
    };
    read(&text).expect_err("no key takes a date")
}

#[test]
fn every_listed_key_is_read() {
    for key in KEYS {
        assert!(!misread(key.path).contains("unknown field"), "{}", key.path);
    }
}

#[test]
fn every_key_that_is_read_is_listed() {
    let sections = [
        "listen",
        "endpoint",
        "backend",
        "backend.hold",
        "access",
        "limits",
        "websocket",
        "session",
        "drain",
        "log",
        "tls",
    ];
    for section in sections {
        let error = misread(&format!("{section}.no_such_key"));
        let (_, expected) = error.split_once("expected").expect("the fields are named");
        // Every other piece between backticks is the name of a field.
        for name in expected.split('`').skip(1).step_by(2) {
            let path = format!("{section}.{name}");
            let is_listed =
                KEYS.iter().any(|key| key.path == path) || sections.contains(&path.as_str());
            assert!(is_listed, "{path} is read, but not listed");
        }
    }
}
