//! Frames as a client sends them, cut anywhere.

use std::sync::Arc;

use broker_core::Timestamp;
use broker_transport::ws::{Event, Inflater, Settings, WebSocket, Window};

const MAX_MESSAGE: usize = 4096;

/// The first byte says whether compression was agreed on and how many of the next are lengths of pieces, which are
/// taken in turns; the rest is the stream.
pub(crate) fn feed(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let is_compressed = first & 0x80 != 0;
    let (lengths, stream) = rest.split_at(usize::from(first & 0x0f).min(rest.len()));
    let in_one_piece = hear(is_compressed, [stream]);
    let in_pieces = hear(is_compressed, pieces(stream, lengths));
    assert_eq!(in_pieces, in_one_piece);
    in_one_piece.iter().for_each(check);
}

/// The stream in pieces of these lengths, over and over; without any in single bytes.
fn pieces<'s>(stream: &'s [u8], lengths: &[u8]) -> impl Iterator<Item = &'s [u8]> {
    let lengths: Vec<usize> = match lengths {
        [] => vec![1],
        _ => lengths.iter().map(|len| usize::from(*len) + 1).collect(),
    };
    let mut lengths = lengths.into_iter().cycle();
    let mut rest = stream;
    std::iter::from_fn(move || {
        let len = lengths.next()?.min(rest.len());
        rest.split_off(..len).filter(|piece| !piece.is_empty())
    })
}

fn hear<'s>(
    is_compressed: bool,
    pieces: impl IntoIterator<Item = &'s [u8]>,
) -> Vec<Event<'static>> {
    let mut settings = Settings::default();
    settings.max_message = MAX_MESSAGE;
    settings.max_fragments = 16;
    settings.uncounted_fragment = 64;
    let now = Timestamp(0);
    let window = is_compressed.then_some(Window::MAX);
    let mut websocket = WebSocket::new(Arc::new(settings), now).with_compression(window);
    let mut inflater = Inflater::default();
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while let Some(event) = websocket.receive(now, &mut inflater, &mut input) {
            assert!(
                !matches!(
                    events.last(),
                    Some(Event::Closed { .. } | Event::Failed { .. })
                ),
                "it had ended"
            );
            events.push(event.into_owned());
        }
        assert!(input.is_empty(), "bytes were left");
    }
    events
}

/// What holds for each event by itself.
fn check(event: &Event<'_>) {
    match event {
        Event::Text(text) => assert!(text.len() <= MAX_MESSAGE),
        Event::Binary(payload) => assert!(payload.len() <= MAX_MESSAGE),
        Event::Ping(payload) => assert!(payload.len() <= 125),
        Event::Pong(_) => {}
        Event::Closed { reply, .. } => check_close(reply.as_deref()),
        Event::Failed { violation, reply } => {
            check_close(reply.as_deref());
            let code = reply.as_deref().and_then(|reply| reply.get(2..4));
            assert_eq!(code, Some(&violation.close_code().to_be_bytes()[..]));
        }
    }
}

/// Both sides were open, so a close frame goes out, and a whole one.
fn check_close(reply: Option<&[u8]>) {
    match reply {
        Some([0x88, len @ 0..=125, payload @ ..]) => assert_eq!(usize::from(*len), payload.len()),
        other => panic!("not a close frame: {other:?}"),
    }
}
