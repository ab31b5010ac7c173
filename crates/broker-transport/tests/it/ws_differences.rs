//! Where the WebSocket of this crate and tungstenite's differ on purpose: tungstenite is lenient, late or silent, and
//! this is none of it. Each test sees tungstenite do what its name says, so that a version of it which no longer
//! does so is noticed.

use std::io::Cursor;

use broker_transport::handshake;
use broker_transport::ws::{Event, Violation};
use http::Request;
use tungstenite::protocol::frame::FrameSocket;

use crate::client::{MAX_MESSAGE, frame, hear, hear_fragments};
use crate::peer::{End, listen};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The violation that this finds in a stream, which must be answered by a close frame that names it.
#[track_caller]
fn violation(bytes: &[u8]) -> Violation {
    answered(hear([bytes]))
}

#[track_caller]
fn answered(mut events: Vec<Event<'static>>) -> Violation {
    let Some(Event::Failed { violation, reply }) = events.pop() else {
        panic!("it was not refused: {events:?}");
    };
    let reply = reply.expect("a close frame");
    assert_eq!(reply[..1], [0x88]);
    assert_eq!(reply[2..4], violation.close_code().to_be_bytes());
    violation
}

#[test]
fn tungstenite_accepts_a_length_that_is_not_minimal_and_this_refuses_it() {
    for header in [&b"\x82\xfe\x00\x02"[..], b"\x82\xff\0\0\0\0\0\0\x00\x02"] {
        let bytes = [header, &[0; 4], b"hi"].concat();
        let verdict = listen(&bytes, MAX_MESSAGE);
        assert_eq!(verdict.events, [Event::Binary(b"hi"[..].into())]);
        assert_eq!(violation(header), Violation::LengthNotMinimal);
    }
}

#[test]
fn tungstenite_waits_for_the_payload_of_an_unmasked_frame_and_this_refuses_its_header() {
    let header = b"\x81\x05";
    assert_eq!(listen(header, MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(b"\x81\x05hell", MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(b"\x81\x05hello", MAX_MESSAGE).end, End::Failed(1002));
    assert_eq!(violation(header), Violation::Unmasked);
}

#[test]
fn tungstenite_waits_for_the_payload_of_a_long_ping_and_this_refuses_its_header() {
    let ping = frame(0x89, MASK, &[7; 126]);
    let header = &ping[..8];
    assert_eq!(listen(header, MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(&ping[..ping.len() - 1], MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(&ping, MAX_MESSAGE).end, End::Failed(1002));
    assert_eq!(violation(&header[..2]), Violation::LongControl);
}

#[test]
fn tungstenite_waits_for_the_payload_of_a_frame_with_reserved_bits_and_this_refuses_its_first_byte()
{
    let bad = frame(0xc1, MASK, b"hello");
    assert_eq!(listen(&bad[..bad.len() - 1], MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(&bad, MAX_MESSAGE).end, End::Failed(1002));
    assert_eq!(violation(&bad[..1]), Violation::ReservedBit);
}

#[test]
fn tungstenite_waits_for_a_frame_that_does_not_fit_its_message_and_this_refuses_its_header() {
    let lone = frame(0x80, MASK, b"hello");
    assert_eq!(listen(&lone[..lone.len() - 1], MAX_MESSAGE).end, End::Waits);
    assert_eq!(violation(&lone[..6]), Violation::LoneContinuation);

    let inside = [frame(0x01, MASK, b"a"), frame(0x81, MASK, b"hello")].concat();
    assert_eq!(
        listen(&inside[..inside.len() - 1], MAX_MESSAGE).end,
        End::Waits
    );
    assert_eq!(violation(&inside[..13]), Violation::InterleavedMessage);

    // The first frame has room, the second would have it alone.
    let half = MAX_MESSAGE / 2;
    let big = [
        frame(0x02, MASK, &vec![7; half]),
        frame(0x80, MASK, &vec![7; half + 1]),
    ]
    .concat();
    let headers = 8 + half + 8;
    assert_eq!(listen(&big[..big.len() - 1], MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(&big, MAX_MESSAGE).end, End::Failed(1009));
    assert_eq!(
        violation(&big[..headers]),
        Violation::MessageTooBig { max: MAX_MESSAGE }
    );
}

#[test]
fn tungstenite_checks_text_at_the_end_of_its_frame_and_this_at_the_byte_that_is_wrong() {
    let text = frame(0x81, MASK, b"\xce\xba\xf4\x90\x80\x80 and more");
    assert_eq!(listen(&text[..text.len() - 1], MAX_MESSAGE).end, End::Waits);
    assert_eq!(listen(&text, MAX_MESSAGE).end, End::Failed(1007));
    assert_eq!(hear([&text[..9]]), []);
    assert_eq!(violation(&text[..10]), Violation::NotUtf8);
}

#[test]
fn tungstenite_takes_any_number_of_tiny_fragments_and_this_has_a_limit() {
    let fragments = [
        frame(0x01, MASK, b"a"),
        frame(0x00, MASK, b"").repeat(10_000),
    ]
    .concat();
    let all = [&fragments[..], &frame(0x80, MASK, b"b")].concat();
    assert_eq!(listen(&all, MAX_MESSAGE).events, [Event::Text("ab".into())]);
    assert_eq!(
        answered(hear_fragments(1024, [&fragments[..]])),
        Violation::TooManyFragments { max: 1024 }
    );
}

#[test]
fn tungstenite_says_nothing_when_it_gives_up_and_this_sends_a_close_frame() {
    for (bad, code) in [
        (frame(0x83, MASK, b""), 1002),
        (frame(0x80, MASK, b""), 1002),
        (frame(0x09, MASK, b""), 1002),
        (frame(0xa1, MASK, b""), 1002),
        (frame(0x88, MASK, b"\x03"), 1002),
        (b"\x81\x00".to_vec(), 1002),
        (frame(0x81, MASK, b"\xff"), 1007),
        (frame(0x88, MASK, b"\x03\xe8\xff"), 1007),
        (frame(0x82, MASK, &vec![0; MAX_MESSAGE + 1]), 1009),
    ] {
        let verdict = listen(&bad, MAX_MESSAGE);
        assert_eq!(
            (verdict.end, &verdict.written[..]),
            (End::Failed(code), &[][..])
        );
        // `violation` sees the close frame.
        assert_eq!(violation(&bad).close_code(), code);
    }
}

#[test]
fn tungstenite_takes_the_code_1014_for_unknown_and_this_knows_it() {
    let close = frame(0x88, MASK, &1014_u16.to_be_bytes());
    let verdict = listen(&close, MAX_MESSAGE);
    assert_eq!(verdict.end, End::Failed(1002));
    assert!(matches!(
        hear([&close[..]])[..],
        [Event::Closed { code: 1014, .. }]
    ));
}

/// That this reserves nothing is seen from inside, where the capacity can be: `what_is_claimed_reserves_no_memory`.
#[test]
fn tungstenite_reserves_the_memory_that_a_header_claims() {
    let claim = b"\x82\xff\0\0\0\0\x01\0\0\0\0\0\0\0a few bytes of 16 MiB";
    let mut socket = FrameSocket::new(Cursor::new(claim.to_vec()));
    assert!(socket.read(None).unwrap().is_none());
    let (_, buffer) = socket.into_inner();
    assert!(buffer.capacity() >= 16 << 20, "{}", buffer.capacity());
}

#[test]
fn tungstenite_leaves_a_bad_handshake_without_an_answer_and_this_gives_a_status() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut stream = Exchange {
        unread: Cursor::new(head.as_bytes().to_vec()),
        written: Vec::new(),
    };
    assert!(tungstenite::accept(&mut stream).is_err());
    assert_eq!(stream.written, b"");

    let request = Request::get("/")
        .header("Host", "a")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "8")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    let refusal = handshake::check(&request, &[]).unwrap_err();
    assert_eq!(refusal.status(), 426);
    assert!(
        refusal
            .headers()
            .any(|(name, value)| name == "sec-websocket-version" && value == "13")
    );
}

/// A request to read, and what is written for it.
struct Exchange {
    unread: Cursor<Vec<u8>>,
    written: Vec<u8>,
}

impl std::io::Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.unread.read(buffer)
    }
}

impl std::io::Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
