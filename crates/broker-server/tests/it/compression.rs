//! Compressed connections (permessage-deflate, RFC 7692).

use broker_testkit::client::{Raw, masked};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::broker::Broker;

const ECHO: &str = "[[endpoint]]\npath = '*'\ndialect = 'echo'\n";
const OFFER: &str = "permessage-deflate; client_max_window_bits";
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Connects a client that offers this, and gives what the broker has agreed to.
async fn client(broker: &Broker, offer: &str) -> (Raw, Option<String>) {
    let before = broker.handle.report().await.connections;
    let mut raw = Raw::connect(broker.addr()).await;
    let answer = raw
        .upgrade("/", &[("Sec-WebSocket-Extensions", offer)])
        .await;
    assert_eq!(answer.status, 101);
    broker
        .until("the session", |report| report.connections == before + 1)
        .await;
    let agreed = answer.header("sec-websocket-extensions").map(str::to_owned);
    (raw, agreed)
}

/// A compressed text message, as a client sends it.
fn compressed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 100);
    Compress::new(Compression::default(), false)
        .compress_vec(text, &mut out, FlushCompress::Sync)
        .expect("it can be compressed");
    let payload = out
        .strip_suffix(b"\x00\x00\xff\xff")
        .expect("it is flushed");
    masked(0x40 | 1, payload)
}

fn inflated(payload: &[u8]) -> String {
    let stream = [payload, b"\x00\x00\xff\xff"].concat();
    let mut out = Vec::with_capacity(1 << 20);
    Decompress::new(false)
        .decompress_vec(&stream, &mut out, FlushDecompress::Sync)
        .expect("it can be inflated");
    String::from_utf8(out).expect("it is text")
}

fn long_text() -> String {
    "a word and another, ".repeat(200)
}

#[tokio::test]
async fn it_is_agreed_on_with_whoever_offers_it() {
    let broker = Broker::alone(ECHO);
    let with_window = format!("{AGREED}; server_max_window_bits=10");
    let mut clients = Vec::new();
    for (offer, expected) in [
        (OFFER, Some(AGREED)),
        (
            "permessage-deflate; server_max_window_bits=10",
            Some(&*with_window),
        ),
        ("x-other; a=\"b\"", None),
    ] {
        let (raw, agreed) = client(&broker, offer).await;
        assert_eq!(agreed.as_deref(), expected, "{offer}");
        clients.push(raw);
    }
}

#[tokio::test]
async fn it_is_not_agreed_on_where_it_is_off() {
    let broker = Broker::alone(&format!("{ECHO}[websocket]\ncompression = 'off'"));
    let (mut raw, agreed) = client(&broker, OFFER).await;
    assert_eq!(agreed, None);
    raw.write(compressed(b"Hello")).await;
    let (head, payload) = raw.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &1002u16.to_be_bytes()[..]));
}

#[tokio::test]
async fn what_comes_compressed_is_understood_and_echo_answers_everything_compressed() {
    let broker = Broker::alone(ECHO);
    let (mut raw, _) = client(&broker, OFFER).await;
    for text in ["", "Hello", &*long_text()] {
        for message in [compressed(text.as_bytes()), masked(1, text.as_bytes())] {
            raw.write(message).await;
            let (head, payload) = raw.frame().await;
            assert_eq!((head, &*inflated(&payload)), (0xc1, text));
            assert!(payload.len() < 100, "{}", payload.len());
        }
    }
}

#[tokio::test]
async fn a_broadcast_reaches_each_in_the_form_it_has_agreed_on() {
    let broker = Broker::alone("[websocket]\ncompression_min = '100B'");
    let (mut plain, _) = client(&broker, "").await;
    let (mut widest, _) = client(&broker, OFFER).await;
    let (mut narrow, _) = client(&broker, "permessage-deflate; server_max_window_bits=9").await;
    for (text, is_compressed) in [("short", false), (&*long_text(), true)] {
        let command = format!(r#"[{{"type":"send","text":"{text}"}}]"#);
        broker.execute(command).await;
        assert_eq!(plain.frame().await, (0x81, text.as_bytes().to_vec()));
        for raw in [&mut widest, &mut narrow] {
            let (head, payload) = raw.frame().await;
            if is_compressed {
                assert_eq!((head, &*inflated(&payload)), (0xc1, text));
            } else {
                assert_eq!((head, &*payload), (0x81, text.as_bytes()));
            }
        }
    }
}

#[tokio::test]
async fn a_bomb_and_a_corrupt_message_end_their_connection_alone() {
    let broker = Broker::alone(&format!("{ECHO}[limits]\nmax_message = '1MiB'"));
    let (mut other, _) = client(&broker, OFFER).await;
    for (message, code) in [
        // The echo endpoint takes 16 MiB.
        (compressed(&vec![b' '; (16 << 20) + 1]), 1009_u16),
        (masked(0x40 | 1, b"\x06"), 1007),
        (compressed(b"\xff"), 1007),
        (masked(0x40 | 9, b""), 1002),
    ] {
        let (mut raw, _) = client(&broker, OFFER).await;
        raw.write(message).await;
        let (head, payload) = raw.frame().await;
        assert_eq!((head, &payload[..2]), (0x88, &code.to_be_bytes()[..]));
        raw.write(masked(8, &code.to_be_bytes())).await;
        drop(raw);
        broker
            .until("its end", |report| report.connections == 1)
            .await;
    }
    other.write(compressed(b"still here")).await;
    let (head, payload) = other.frame().await;
    assert_eq!((head, &*inflated(&payload)), (0xc1, "still here"));
}
