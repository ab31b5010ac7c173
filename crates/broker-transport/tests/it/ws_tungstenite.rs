//! What tungstenite's own WebSocket makes of the same streams.
//!
//! Where the two differ on purpose, `ws_differences` says so by name; here such streams are told from all others by
//! what is found wrong with them.

use std::io::{Cursor, Read, Write};

use broker_transport::ws::{Event, Violation, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tungstenite::protocol::{CloseFrame, Role, WebSocket};
use tungstenite::{Message, Utf8Bytes};

use crate::client::{MAX_MESSAGE, Speech, chatter, frame, hear_fragments, speech};
use crate::peer::{End, Verdict, listen};
use crate::ws_cuts::pieces;

/// What a stream came to in ours: what was heard, and what was found wrong.
fn ours(bytes: &[u8], cuts: &[Index]) -> (Vec<Event<'static>>, Option<Violation>) {
    let mut events = hear_fragments(u32::MAX, pieces(bytes, cuts));
    let violation = match events.pop_if(|event| matches!(event, Event::Failed { .. })) {
        Some(Event::Failed { violation, .. }) => Some(violation),
        _ => None,
    };
    (events, violation)
}

/// What it came to in tungstenite. Where ours has failed already and tungstenite is still waiting for the rest of a
/// frame, that rest is given to it.
fn theirs(bytes: &[u8], have_failed: bool) -> Verdict {
    match listen(bytes, MAX_MESSAGE) {
        verdict if have_failed && verdict.end == End::Waits => {
            // More than any frame that it would take has yet to come.
            listen(&[bytes, &[0; MAX_MESSAGE + 14]].concat(), MAX_MESSAGE)
        }
        verdict => verdict,
    }
}

/// Whether tungstenite may take it: a length in more bytes than it needs, which is a long one where a control frame has
/// it.
fn is_lenient(violation: &Violation) -> bool {
    matches!(
        violation,
        Violation::LengthNotMinimal | Violation::LongControl
    )
}

/// The code 1014 has been registered since tungstenite made its list.
fn is_closed_with_1014(events: &[Event<'_>]) -> bool {
    matches!(events.last(), Some(Event::Closed { code: 1014, .. }))
}

/// One fault of a client, as the last of what it says.
fn fault() -> impl Strategy<Value = (Vec<u8>, u16)> {
    let mask = any::<[u8; 4]>();
    let payload = vec(any::<u8>(), 0..200);
    let short = vec(any::<u8>(), 0..=125);
    let data = prop_oneof![Just(0x81_u8), Just(0x82)];
    let control = prop_oneof![Just(0x88_u8), Just(0x89), Just(0x8a)];
    let not_utf8: Vec<&[u8]> = vec![
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ok\x80",
    ];
    let invalid_code = prop_oneof![
        0_u16..1000,
        Just(1004),
        Just(1005),
        Just(1006),
        1015_u16..3000,
        5000_u16..
    ];
    prop_oneof![
        // Unmasked: the second byte without its top bit, and no mask.
        (data.clone(), short.clone()).prop_map(|(first, payload)| {
            ([&[first, payload.len() as u8], &payload[..]].concat(), 1002)
        }),
        // Reserved bits and opcodes.
        (1_u8..8, data.clone(), mask, payload.clone()).prop_map(|(bits, first, mask, payload)| (
            frame(first | bits << 4, mask, &payload),
            1002
        )),
        (prop_oneof![3_u8..=7, 11_u8..=15], mask, short.clone())
            .prop_map(|(opcode, mask, payload)| (frame(0x80 | opcode, mask, &payload), 1002)),
        // Control frames that are fragmented or long.
        (control.clone(), mask, short.clone())
            .prop_map(|(first, mask, payload)| (frame(first & 0x0f, mask, &payload), 1002)),
        (control, mask, vec(any::<u8>(), 126..300))
            .prop_map(|(first, mask, payload)| (frame(first, mask, &payload), 1002)),
        // A continuation of nothing, a message inside another.
        (any::<bool>(), mask, payload.clone())
            .prop_map(|(fin, mask, payload)| (frame(u8::from(fin) << 7, mask, &payload), 1002)),
        (data, mask, short).prop_map(|(first, mask, payload)| {
            (
                [frame(0x02, mask, &payload), frame(first, mask, b"inside")].concat(),
                1002,
            )
        }),
        // Text that is none, whole and in fragments, and text that ends too early.
        (proptest::sample::select(not_utf8), mask, any::<Index>()).prop_map(|(bad, mask, cut)| {
            let (a, b) = bad.split_at(cut.index(bad.len()));
            ([frame(0x01, mask, a), frame(0x80, mask, b)].concat(), 1007)
        }),
        mask.prop_map(|mask| (frame(0x81, mask, b"half \xe2\x82"), 1007)),
        // Close frames.
        mask.prop_map(|mask| (frame(0x88, mask, &[3]), 1002)),
        (invalid_code, mask)
            .prop_map(|(code, mask)| (frame(0x88, mask, &code.to_be_bytes()), 1002)),
        mask.prop_map(|mask| (frame(0x88, mask, b"\x03\xe8\xff"), 1007)),
        // Too much at once, and in two frames.
        mask.prop_map(|mask| (frame(0x82, mask, &vec![0; MAX_MESSAGE + 1]), 1009)),
        mask.prop_map(|mask| {
            (
                [
                    frame(0x02, mask, &vec![0; MAX_MESSAGE]),
                    frame(0x80, mask, b"1"),
                ]
                .concat(),
                1009,
            )
        }),
    ]
}

proptest! {
    /// The streams have the events that they were made from (`ws_cuts`); here the other implementation agrees that
    /// this is what RFC 6455 makes of them.
    #[test]
    fn tungstenite_hears_the_same_events(speech in speech()) {
        let verdict = listen(&speech.bytes, MAX_MESSAGE);
        prop_assert!(!matches!(verdict.end, End::Failed(_)), "{:?}", verdict.end);
        prop_assert_eq!(verdict.events, speech.events);
    }

    /// The messages before a fault, and the close code that names it, are the same.
    #[test]
    fn one_fault_has_the_same_verdict(
        before in chatter(),
        (fault, code) in fault(),
        after in vec(any::<u8>(), 0..20),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let bytes = [&before.bytes[..], &fault, &after].concat();
        let (events, violation) = ours(&bytes, &cuts);
        prop_assert_eq!(&events, &before.events);
        prop_assert_eq!(violation.as_ref().map(Violation::close_code), Some(code), "{:?}", violation);

        let verdict = theirs(&bytes, true);
        prop_assert_eq!(verdict.events, before.events);
        prop_assert_eq!(verdict.end, End::Failed(code));
    }

    /// Whatever is changed in a stream, the same is heard of it, and whether it is wrong is agreed on. Why is not
    /// compared: several things may be wrong with one frame, and each looks for them in an order of its own.
    #[test]
    fn what_is_garbled_has_the_same_verdict(
        Speech { mut bytes, .. } in speech(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        bytes.extend(b"\x81\x80\0\0\0\0");
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        judge(&bytes, &cuts)?;
    }

    #[test]
    fn noise_has_the_same_verdict(
        noise in vec(prop_oneof![any::<u8>(), Just(0x80), Just(0x81), Just(0x01), Just(0x82)], 0..200),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        judge(&noise, &cuts)?;
    }

    #[test]
    fn tungstenite_reads_what_is_encoded(
        text in ".{0,300}",
        binary in vec(any::<u8>(), 0..300),
        long in 65_500_usize..65_600,
        control in vec(any::<u8>(), 0..=125),
        code in 3000_u16..=4999,
        reason in "[a-zé✓]{0,200}",
    ) {
        let long = vec![7; long];
        let frames = [
            encode::text(&text),
            encode::binary(&binary),
            encode::binary(&long),
            encode::PING,
            encode::pong(&control),
            encode::close(code, &reason),
        ];
        let reason = Utf8Bytes::from(&reason[..reason.floor_char_boundary(123)]);
        let expected = [
            Message::text(text),
            Message::binary(binary),
            Message::binary(long),
            Message::Ping(Vec::new().into()),
            Message::Pong(control.into()),
            Message::Close(Some(CloseFrame { code: code.into(), reason })),
        ];
        prop_assert_eq!(as_client(frames.concat()), expected);
    }
}

/// Compares what both make of a stream.
fn judge(bytes: &[u8], cuts: &[Index]) -> Result<(), TestCaseError> {
    let (events, violation) = ours(bytes, cuts);
    let verdict = theirs(bytes, violation.is_some());
    if violation.as_ref().is_some_and(is_lenient) {
        prop_assert!(verdict.events.starts_with(&events));
    } else if is_closed_with_1014(&events) {
        prop_assert_eq!(verdict.end, End::Failed(1002));
    } else {
        let is_closed = matches!(events.last(), Some(Event::Closed { .. }));
        prop_assert_eq!(&verdict.events, &events);
        match verdict.end {
            End::Failed(_) => prop_assert!(violation.is_some(), "{:?}", verdict.end),
            End::Closed => prop_assert!(is_closed && violation.is_none(), "{:?}", violation),
            End::Waits => prop_assert!(!is_closed && violation.is_none(), "{:?}", violation),
        }
    }
    Ok(())
}

/// All messages that tungstenite reads as a client.
fn as_client(bytes: Vec<u8>) -> Vec<Message> {
    let mut websocket = WebSocket::from_raw_socket(Quiet(Cursor::new(bytes)), Role::Client, None);
    std::iter::from_fn(|| websocket.read().ok()).collect()
}

/// A stream that is read from memory, and takes what is written to it.
struct Quiet(Cursor<Vec<u8>>);

impl Read for Quiet {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Quiet {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
