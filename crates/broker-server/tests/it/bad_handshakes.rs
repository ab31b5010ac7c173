//! Handshakes that are wrong, or odd and yet right, each with its answer.

use broker_testkit::client::{Answer, Raw, masked};

use crate::broker::Broker;

const ECHO: &str = "[[endpoint]]\npath = '*'\ndialect = 'echo'\n";

/// The handshake of RFC 6455 §1.3.
const GOOD: &str = "GET / HTTP/1.1\r\n\
                    Host: server.example.com\r\n\
                    Upgrade: websocket\r\n\
                    Connection: Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    Sec-WebSocket-Version: 13\r\n";

/// The good handshake with one line in the place of another; an empty one leaves that line out.
fn changed(line: &str, replacement: &str) -> String {
    let line = format!("{line}\r\n");
    assert!(GOOD.contains(&line), "{line}");
    let replacement = match replacement {
        "" => String::new(),
        _ => format!("{replacement}\r\n"),
    };
    GOOD.replace(&line, &replacement)
}

/// The answer to a head, on a connection of its own.
async fn answer(broker: &Broker, head: &str) -> Answer {
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write(format!("{head}\r\n")).await;
    raw.answer().await
}

/// Checks the status of the answer to the good handshake with one line changed.
async fn check(broker: &Broker, line: &str, replacement: &str, status: u16) {
    let answer = answer(broker, &changed(line, replacement)).await;
    assert_eq!(answer.status, status, "{replacement}: {}", answer.body);
}

#[tokio::test]
async fn a_handshake_by_another_method_or_http_1_0_is_refused() {
    let broker = Broker::alone(ECHO);
    assert_eq!(answer(&broker, GOOD).await.status, 101);
    for method in ["POST", "PUT", "DELETE", "get"] {
        check(
            &broker,
            "GET / HTTP/1.1",
            &format!("{method} / HTTP/1.1"),
            405,
        )
        .await;
    }
    check(&broker, "GET / HTTP/1.1", "GET / HTTP/1.0", 400).await;
}

#[tokio::test]
async fn a_handshake_without_upgrade_or_connection_or_with_others_is_refused() {
    let broker = Broker::alone(ECHO);
    for upgrade in ["", "Upgrade: h2c", "Upgrade: websocket2", "Upgrade:"] {
        let head = changed("Upgrade: websocket", upgrade);
        let answer = answer(&broker, &head).await;
        let names = (answer.status, answer.header("upgrade"));
        assert_eq!(names, (426, Some("websocket")), "{upgrade}");
    }
    for connection in [
        "",
        "Connection: close",
        "Connection: keep-alive",
        "Connection: Upgraded",
    ] {
        check(&broker, "Connection: Upgrade", connection, 400).await;
    }
}

#[tokio::test]
async fn a_key_that_is_empty_short_long_not_base64_or_there_twice_is_refused() {
    let broker = Broker::alone(ECHO);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for other in [
        "",
        "Sec-WebSocket-Key:",
        // 15 and 17 bytes.
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        check(&broker, key, other, 400).await;
    }
}

#[tokio::test]
async fn a_version_that_is_not_13_is_told_which_one_is() {
    let broker = Broker::alone(ECHO);
    for version in [
        "",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Version: 013",
        "Sec-WebSocket-Version: 13, 8",
    ] {
        let head = changed("Sec-WebSocket-Version: 13", version);
        let answer = answer(&broker, &head).await;
        let told = (answer.status, answer.header("sec-websocket-version"));
        assert_eq!(told, (426, Some("13")), "{version}");
    }
}

#[tokio::test]
async fn lists_of_upgrades_and_several_connection_lines_are_accepted() {
    let broker = Broker::alone(ECHO);
    for upgrade in [
        "Upgrade: h2c, websocket",
        "Upgrade: WebSocket",
        "Upgrade: h2c\r\nupgrade: ,websocket",
    ] {
        check(&broker, "Upgrade: websocket", upgrade, 101).await;
    }
    for connection in [
        "Connection: keep-alive, Upgrade",
        "Connection: keep-alive\r\nConnection: upgrade",
        "connection:\tHTTP2-Settings,\tUPGRADE",
    ] {
        check(&broker, "Connection: Upgrade", connection, 101).await;
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused() {
    let broker = Broker::alone(&format!(
        "access.origins = ['https://good.example']\n{ECHO}"
    ));
    let from = |origin: &str| format!("{GOOD}Origin: {origin}\r\n");
    for origin in [
        "https://evil.example",
        "null",
        "https://good.example.evil",
        "https://good.example:8443",
        "http://good.example",
        "https://good.example\r\nOrigin: https://evil.example",
        "",
    ] {
        assert_eq!(answer(&broker, &from(origin)).await.status, 403, "{origin}");
    }
    assert_eq!(
        answer(&broker, &from("https://good.example")).await.status,
        101
    );
    // A program is not a page.
    assert_eq!(answer(&broker, GOOD).await.status, 101);
}

#[tokio::test]
async fn a_handshake_with_a_body_is_refused() {
    let broker = Broker::alone(ECHO);
    for body in [
        "Content-Length: 7\r\n\r\n\u{1}\u{2}content",
        "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ] {
        let mut raw = Raw::connect(broker.addr()).await;
        raw.write(format!("{GOOD}{body}")).await;
        assert_eq!(raw.answer().await.status, 400, "{body}");
    }
    // An empty one is none.
    check(
        &broker,
        "Connection: Upgrade",
        "Connection: Upgrade\r\nContent-Length: 0",
        101,
    )
    .await;
}

#[tokio::test]
async fn garbage_in_the_extensions_is_no_extension() {
    let broker = Broker::alone(ECHO);
    for extensions in [
        ",,;;==",
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=99",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "x-webkit-deflate-frame",
        "\"unclosed",
        "permessage-deflate\u{e9}",
    ] {
        let head = format!("{GOOD}Sec-WebSocket-Extensions: {extensions}\r\n");
        let answer = answer(&broker, &head).await;
        let agreed = (answer.status, answer.header("sec-websocket-extensions"));
        assert_eq!(agreed, (101, None), "{extensions}");
    }
}

#[tokio::test]
async fn ten_kilobytes_of_blanks_among_the_subprotocols_are_passed_over() {
    let broker = Broker::alone(&format!("websocket.subprotocols = ['chat']\n{ECHO}"));
    let blanks = " \t".repeat(5 * 1024);
    for list in [
        format!("x,{blanks},chat"),
        format!("x{blanks},chat"),
        format!("x,{blanks}chat"),
        ", ".repeat(5 * 1024) + "chat",
    ] {
        let head = format!("{GOOD}Sec-WebSocket-Protocol: {list}\r\n");
        let answer = answer(&broker, &head).await;
        let agreed = (answer.status, answer.header("sec-websocket-protocol"));
        assert_eq!(agreed, (101, Some("chat")));
    }
    // A blank inside a name is no list of names.
    let head = format!("{GOOD}Sec-WebSocket-Protocol: x{blanks}chat\r\n");
    assert_eq!(answer(&broker, &head).await.status, 400);
}

#[tokio::test]
async fn frames_in_one_packet_with_the_handshake_are_heard_after_it_is_answered() {
    let broker = Broker::alone(ECHO);
    let mut raw = Raw::connect(broker.addr()).await;
    let mut packet = format!("{GOOD}\r\n").into_bytes();
    packet.extend(masked(1, b"at once"));
    packet.extend(&masked(2, &[7; 300])[..100]);
    raw.write(packet).await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.frame().await, (0x81, b"at once".to_vec()));
    raw.write(&masked(2, &[7; 300])[100..]).await;
    assert_eq!(raw.frame().await, (0x82, vec![7; 300]));
}
