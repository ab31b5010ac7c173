//! Handshakes, good and bad, as the lines of their heads.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;

/// A good handshake.
const GOOD: &str = "\
GET /chat HTTP/1.1
Host: example.org
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
";

fn request(head: &str) -> Request<()> {
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::new(());
    *request.method_mut() = first.next().unwrap().parse().unwrap();
    *request.uri_mut() = first.next().unwrap().parse().unwrap();
    *request.version_mut() = match first.next().unwrap() {
        "HTTP/1.0" => Version::HTTP_10,
        "HTTP/1.1" => Version::HTTP_11,
        other => panic!("{other}"),
    };
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// The answer as its lines, or the one-line reason with its status and headers.
fn answer(head: &str, subprotocols: &[&str]) -> String {
    let subprotocols: Vec<String> = subprotocols.iter().map(|&name| name.to_owned()).collect();
    let mut lines = String::new();
    match check(&request(head), &subprotocols) {
        Ok(None) => lines.push_str("an ordinary request\n"),
        Ok(Some(accept)) => {
            let response = accept.into_response();
            writeln!(lines, "{}", response.status()).unwrap();
            for (name, value) in response.headers() {
                writeln!(lines, "{name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
        Err(refusal) => {
            writeln!(lines, "{}, {refusal}", refusal.status()).unwrap();
            for (name, value) in refusal.headers() {
                writeln!(lines, "{name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
    }
    lines
}

#[track_caller]
fn answered(head: &str, expected: Expect) {
    expected.assert_eq(&answer(head, &[]));
}

/// Checks the answer to the good handshake with `line` replaced by others (or by none).
#[track_caller]
fn refused(line: &str, replacement: &str, expected: Expect) {
    assert!(GOOD.contains(line));
    answered(&GOOD.replace(&format!("{line}\n"), replacement), expected);
}

#[track_caller]
fn accepted(head: &str) {
    assert!(
        answer(head, &[]).starts_with("101 "),
        "{}",
        answer(head, &[])
    );
}

/// The subprotocol that is chosen for `offered`, the lines of the header.
fn chosen(offered: &[&str], ours: &[&str]) -> Option<String> {
    let lines = offered
        .iter()
        .map(|line| format!("Sec-WebSocket-Protocol: {line}\n"));
    let head = GOOD.to_owned() + &lines.collect::<String>();
    let answer = answer(&head, ours);
    assert!(answer.starts_with("101 "), "{answer}");
    answer
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-protocol: "))
        .map(str::to_owned)
}

#[test]
fn the_handshake_of_the_rfc_is_accepted() {
    answered(
        GOOD,
        expect![[r#"
        101 Switching Protocols
        upgrade: websocket
        connection: Upgrade
        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
    "#]],
    );
}

#[test]
fn requests_that_do_not_ask_for_a_websocket_are_ordinary() {
    for head in [
        "GET / HTTP/1.1\nHost: example.org\n",
        "POST / HTTP/1.1\nHost: example.org\nContent-Length: 5\n",
        "GET / HTTP/1.1\nHost: example.org\nConnection: Upgrade\nUpgrade: h2c\n",
    ] {
        assert_eq!(answer(head, &[]), "an ordinary request\n");
    }
}

#[test]
fn other_methods_and_http_1_0_are_refused() {
    answered(
        &GOOD.replace("GET", "POST"),
        expect![[r#"
        405 Method Not Allowed, a WebSocket handshake is a GET request
        allow: GET
    "#]],
    );
    answered(
        &GOOD.replace("HTTP/1.1", "HTTP/1.0"),
        expect![[r#"
        400 Bad Request, a WebSocket handshake needs HTTP/1.1
    "#]],
    );
}

#[test]
fn no_host_or_two_are_refused() {
    refused(
        "Host: example.org",
        "",
        expect![[r#"
        400 Bad Request, there must be one Host header
    "#]],
    );
    refused(
        "Host: example.org",
        "Host: a.example\nHost: b.example\n",
        expect![[r#"
            400 Bad Request, there must be one Host header
        "#]],
    );
}

#[test]
fn a_missing_or_wrong_upgrade_or_connection_is_refused() {
    refused(
        "Upgrade: websocket",
        "",
        expect![[r#"
        426 Upgrade Required, the Upgrade header does not name websocket
        upgrade: websocket
        connection: Upgrade
        sec-websocket-version: 13
    "#]],
    );
    refused(
        "Upgrade: websocket",
        "Upgrade: websockets, h2c\n",
        expect![[r#"
            426 Upgrade Required, the Upgrade header does not name websocket
            upgrade: websocket
            connection: Upgrade
            sec-websocket-version: 13
        "#]],
    );
    refused(
        "Connection: Upgrade",
        "",
        expect![[r#"
        400 Bad Request, the Connection header does not name upgrade
    "#]],
    );
    refused(
        "Connection: Upgrade",
        "Connection: keep-alive\n",
        expect![[r#"
            400 Bad Request, the Connection header does not name upgrade
        "#]],
    );
}

#[test]
fn upgrade_and_connection_are_lists_in_any_case_over_any_lines() {
    for (line, replacement) in [
        ("Upgrade: websocket\n", "Upgrade: h2c, websocket\n"),
        (
            "Upgrade: websocket\n",
            "Upgrade: h2c\nUpgrade: , WebSocket ,\n",
        ),
        (
            "Connection: Upgrade\n",
            "Connection: keep-alive\nConnection: upgrade\n",
        ),
        ("Connection: Upgrade\n", "Connection: keep-alive, UPGRADE\n"),
    ] {
        accepted(&GOOD.replace(line, replacement));
    }
}

#[test]
fn a_key_that_is_not_one_of_sixteen_bytes_is_refused() {
    const LINE: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    refused(
        LINE,
        "",
        expect![[r#"
        400 Bad Request, there must be one Sec-WebSocket-Key header
    "#]],
    );
    refused(
        LINE,
        &format!("{LINE}\n{LINE}\n"),
        expect![[r#"
        400 Bad Request, there must be one Sec-WebSocket-Key header
    "#]],
    );
    let wrong = "400 Bad Request, the Sec-WebSocket-Key is not the base64 of 16 bytes\n";
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZQAA==",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j!Q==",
        "dGhlIHNhbXBsZSBub25jZ_==",
        "=GhlIHNhbXBsZSBub25jZQ==",
    ] {
        let head = GOOD.replace(LINE, &format!("Sec-WebSocket-Key: {key}"));
        assert_eq!(answer(&head, &[]), wrong, "{key}");
    }
}

#[test]
fn a_key_whose_last_character_has_bits_to_spare_is_taken() {
    accepted(&GOOD.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZR=="));
}

#[test]
fn other_versions_are_told_the_right_one() {
    refused(
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 8\n",
        expect![[r#"
            426 Upgrade Required, only WebSocket version 13 is spoken here
            upgrade: websocket
            connection: Upgrade
            sec-websocket-version: 13
        "#]],
    );
    for replacement in [
        "",
        "Sec-WebSocket-Version: 13, 8\n",
        "Sec-WebSocket-Version: 13\nSec-WebSocket-Version: 8\n",
    ] {
        let head = GOOD.replace("Sec-WebSocket-Version: 13\n", replacement);
        assert_eq!(answer(&head, &[]), answer(&GOOD.replace("13", "8"), &[]));
    }
}

#[test]
fn the_drafts_before_the_rfc_are_told_the_version() {
    answered(
        "GET / HTTP/1.1\nHost: example.org\nUpgrade: WebSocket\nConnection: Upgrade\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\n",
        expect![[r#"
            426 Upgrade Required, only WebSocket version 13 is spoken here
            upgrade: websocket
            connection: Upgrade
            sec-websocket-version: 13
        "#]],
    );
}

#[test]
fn a_body_is_refused() {
    let with = |line: &str| format!("{GOOD}{line}\n");
    answered(
        &with("Content-Length: 5"),
        expect![[r#"
        400 Bad Request, a WebSocket handshake has no body
    "#]],
    );
    answered(
        &with("Transfer-Encoding: chunked"),
        expect![[r#"
        400 Bad Request, a WebSocket handshake has no body
    "#]],
    );
    accepted(&with("Content-Length: 0"));
}

#[test]
fn garbage_in_extensions_is_no_extension() {
    let head = format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate; ,;=, \"\n");
    assert_eq!(answer(&head, &[]), answer(GOOD, &[]));
}

#[test]
fn the_first_subprotocol_of_ours_that_is_offered_is_chosen() {
    assert_eq!(
        chosen(&["chat, superchat"], &["superchat", "chat"]).as_deref(),
        Some("superchat")
    );
    assert_eq!(
        chosen(&["chat", "superchat"], &["superchat", "chat"]).as_deref(),
        Some("superchat")
    );
    assert_eq!(chosen(&["chat"], &["superchat"]), None);
    assert_eq!(chosen(&["Chat"], &["chat"]), None);
}

#[test]
fn without_any_of_ours_the_first_offered_subprotocol_is_echoed() {
    assert_eq!(chosen(&["chat, superchat"], &[]).as_deref(), Some("chat"));
    assert_eq!(chosen(&[" , ,chat"], &[]).as_deref(), Some("chat"));
    assert_eq!(chosen(&[], &[]), None);
}

#[test]
fn blanks_in_the_subprotocols_are_passed_over() {
    let blanks = " ".repeat(10_000);
    assert_eq!(chosen(&[&format!("{blanks},{blanks}")], &[]), None);
    assert_eq!(
        chosen(&[&format!("{blanks}chat{blanks}")], &[]).as_deref(),
        Some("chat")
    );
    let commas = ",".repeat(10_000);
    assert_eq!(chosen(&[&commas], &["chat"]), None);
}

#[test]
fn a_subprotocol_that_is_no_token_is_refused() {
    answered(
        &format!("{GOOD}Sec-WebSocket-Protocol: chat, super chat\n"),
        expect![[r#"
            400 Bad Request, the Sec-WebSocket-Protocol header is not a list of tokens
        "#]],
    );
    answered(
        &format!("{GOOD}Sec-WebSocket-Protocol: \"chat\"\n"),
        expect![[r#"
            400 Bad Request, the Sec-WebSocket-Protocol header is not a list of tokens
        "#]],
    );
}
