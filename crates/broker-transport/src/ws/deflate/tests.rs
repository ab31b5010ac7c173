//! What is compressed for clients.

use broker_dialect::Outgoing;
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress};

use super::*;
use crate::ws::encode;

fn text(text: &str) -> Outgoing {
    Outgoing::Text(Bytes::copy_from_slice(text.as_bytes()))
}

/// The payload of a frame.
fn payload(frame: &[u8]) -> &[u8] {
    match frame[1] {
        126 => &frame[4..],
        127 => &frame[10..],
        _ => &frame[2..],
    }
}

/// Inflates a compressed frame's payload.
fn inflated(frame: &[u8]) -> Vec<u8> {
    let compressed = [payload(frame), b"\x00\x00\xff\xff"].concat();
    let mut inflated = Vec::with_capacity(1 << 20);
    Decompress::new(false)
        .decompress_vec(&compressed, &mut inflated, FlushDecompress::None)
        .unwrap();
    inflated
}

/// Text of 32 letters that repeats what is 20,000 bytes back, and nothing nearer.
fn repetitive() -> String {
    let mut seed = 1_u32;
    let mut half = String::new();
    while half.len() < 20_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        half.push(char::from(b'A' + (seed >> 27) as u8));
    }
    half.clone() + &half
}

#[test]
fn a_compressed_frame_has_its_bit_and_not_its_tail() {
    // RFC 7692 §6, §7.2.1.
    let frame = Deflater::new(0).compressed_frame(&text("HelloHelloHelloHello"), Window::MAX);
    let frame = frame.unwrap();
    assert_eq!(frame[0], 0xc1);
    assert_eq!(inflated(&frame), b"HelloHelloHelloHello");
    assert!(!frame.ends_with(b"\x00\x00\xff\xff"));
}

#[test]
fn short_messages_and_those_that_get_no_shorter_go_out_plain() {
    let mut deflater = Deflater::new(10);
    let window = Some(Window::MAX);
    for plain in [
        text("aaaaaaaaa"),
        text("0123456789"),
        text(""),
        Outgoing::Binary(Bytes::from_static(
            b"\x8f\x13\xd2\x77\x04\xee\x91\x5b\x22\xc0\x3d",
        )),
    ] {
        assert_eq!(deflater.compressed_frame(&plain, Window::MAX), None);
        assert_eq!(deflater.frame(&plain, window), encode::message(&plain));
    }
    let repeats = text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(deflater.frame(&repeats, None), encode::message(&repeats));
    let frame = deflater.frame(&repeats, window);
    assert!(frame.len() < encode::message(&repeats).len());
    assert_eq!(frame[0], 0xc1);
    let binary = Outgoing::Binary(repeats.payload().clone());
    assert_eq!(deflater.frame(&binary, window)[0], 0xc2);
}

#[test]
fn what_is_always_compressed_is_so_even_if_it_gets_longer() {
    let mut deflater = Deflater::new(1024);
    let noise: Vec<u8> = (0..70_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for len in [0, 1, 16, 1023, 70_000] {
        let message = Outgoing::Binary(Bytes::copy_from_slice(&noise[..len]));
        let frame = deflater.frame_always(&message, Some(Window::MAX));
        assert_eq!(frame[0], 0xc2, "{len}");
        assert_eq!(inflated(&frame), &noise[..len]);
        let plain = deflater.frame_always(&message, None);
        assert_eq!(plain, encode::message(&message));
    }
}

#[test]
fn nothing_refers_beyond_the_receivers_window_or_to_another_message() {
    let long = repetitive();
    let mut deflater = Deflater::new(0);
    let len_by_bits = [9, 10, 11, 12, 13, 14, 15].map(|bits| {
        let window = Window::new(bits).unwrap();
        let [first, second] =
            [(); 2].map(|()| deflater.compressed_frame(&text(&long), window).unwrap());
        assert_eq!(inflated(&first), long.as_bytes());
        assert_eq!(first, second);
        first.len()
    });
    // The second half is nothing but a reference to the first, where that is within reach.
    let [.., fourteen, fifteen] = len_by_bits;
    assert!(fourteen > fifteen + fifteen / 2, "{len_by_bits:?}");
}

#[test]
fn what_fits_into_the_smallest_window_is_compressed_the_same_for_all() {
    let short = "the same ".repeat(50);
    let mut deflater = Deflater::new(0);
    let frames: Vec<_> = (9..=15)
        .map(|bits| deflater.compressed_frame(&text(&short), Window::new(bits).unwrap()))
        .collect();
    assert!(frames.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(inflated(frames[0].as_ref().unwrap()), short.as_bytes());
}

#[test]
fn a_window_has_nine_to_fifteen_bits() {
    let bits = (0..=u8::MAX).filter_map(Window::new).map(Window::bits);
    assert_eq!(bits.collect::<Vec<_>>(), [9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(size_of::<Option<Window>>(), 1);
}
