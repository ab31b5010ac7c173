//! Who gets which frame, and how often one is made.

use super::*;

const WSBROKER: DialectKind = DialectKind::Wsbroker;

fn message(len: usize) -> Message {
    // Some of it repeats, so that it can be compressed.
    let text = "a word and another ".repeat(len / 19 + 1);
    Message::Text(Bytes::copy_from_slice(&text.as_bytes()[..len]))
}

fn frame_of(frames: &mut Frames<'_>, window: Option<Window>, deflater: &mut Deflater) -> Bytes {
    let framed = frames.framed(WSBROKER, &Audience::Dialect, window, deflater);
    framed.unwrap().unwrap().frames
}

fn window(bits: u8) -> Option<Window> {
    Window::new(bits)
}

#[test]
fn receivers_share_the_bytes_of_one_frame() {
    let (message, mut deflater) = (message(4000), Deflater::new(1024));
    let mut frames = Frames::of(Saying::Message(&message));
    let plain = frame_of(&mut frames, None, &mut deflater);
    let compressed = frame_of(&mut frames, window(15), &mut deflater);
    assert!(compressed.len() < plain.len());
    for _ in 0..3 {
        let again = frame_of(&mut frames, None, &mut deflater);
        assert_eq!(again.as_ptr(), plain.as_ptr());
        let again = frame_of(&mut frames, window(15), &mut deflater);
        assert_eq!(again.as_ptr(), compressed.as_ptr());
    }
}

#[test]
fn receivers_share_what_the_broker_says_and_who_has_no_words_for_it_hears_nothing() {
    let notice = Notice::Message {
        message: Bytes::from_static(b"1"),
        from: None,
        ack: None,
    };
    let mut frames = Frames::of(Saying::Notice(&notice));
    let mut deflater = Deflater::new(1024);
    let mut framed = |kind| {
        let framed = frames.framed(kind, &Audience::Dialect, None, &mut deflater);
        framed.unwrap().map(|framed| framed.frames)
    };
    let [one, two] = [(); 2].map(|()| framed(DialectKind::Wsmsgbroker).unwrap());
    assert_eq!(one.as_ptr(), two.as_ptr());
    assert_eq!(&one[2..], br#"{"action":"message","message":1}"#);
    assert_eq!(framed(DialectKind::Wsbroker), None);
}

#[test]
fn windows_share_a_frame_where_the_message_is_no_longer() {
    let (message, mut deflater) = (message(4000), Deflater::new(1024));
    let mut frames = Frames::of(Saying::Message(&message));
    let widest = frame_of(&mut frames, window(15), &mut deflater);
    for bits in 12..15 {
        let same = frame_of(&mut frames, window(bits), &mut deflater);
        assert_eq!(same.as_ptr(), widest.as_ptr(), "{bits}");
    }
    for bits in 9..12 {
        let own = frame_of(&mut frames, window(bits), &mut deflater);
        assert_ne!(own.as_ptr(), widest.as_ptr(), "{bits}");
        let again = frame_of(&mut frames, window(bits), &mut deflater);
        assert_eq!(again.as_ptr(), own.as_ptr(), "{bits}");
    }
}

#[test]
fn a_message_that_is_not_compressed_is_shared_with_those_who_never_are() {
    let (short, mut deflater) = (message(1000), Deflater::new(1024));
    let mut frames = Frames::of(Saying::Message(&short));
    let compressible = frame_of(&mut frames, window(15), &mut deflater);
    let plain = frame_of(&mut frames, None, &mut deflater);
    assert_eq!(compressible.as_ptr(), plain.as_ptr());
}
