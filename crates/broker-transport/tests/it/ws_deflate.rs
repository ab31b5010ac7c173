//! Compressed messages: whatever flate2 makes of a message, and however the frames are cut, it is read; what is
//! impossible to read is found in time.

use std::borrow::Cow;

use broker_dialect::Outgoing;
use broker_transport::ws::{Deflater, Event, Window};
use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::client::{frame, hear_by, open, settings};
use crate::ws_cuts::pieces;

const MIB: usize = 1 << 20;

/// What a connection that has agreed on compression makes of bytes that arrive in these pieces.
fn hear<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Event<'static>> {
    let mut settings = settings();
    settings.max_message = MIB;
    hear_by(open(settings).with_compression(Some(Window::MAX)), pieces)
}

/// What a client's compressor is set to.
#[derive(Clone, Debug)]
struct Style {
    level: u32,
    bits: u8,
    /// Where it flushes in the middle, and how.
    flushes: Vec<(Index, bool)>,
}

fn style() -> impl Strategy<Value = Style> {
    let flushes = vec((any::<Index>(), any::<bool>()), 0..4);
    (0_u32..=9, 9_u8..=15, flushes).prop_map(|(level, bits, flushes)| Style {
        level,
        bits,
        flushes,
    })
}

/// Compresses as RFC 7692 §7.2.1 has it.
fn compressed(message: &[u8], style: &Style) -> Vec<u8> {
    let level = Compression::new(style.level);
    let mut compress = Compress::new_with_window_bits(level, false, style.bits);
    let mut flushes: Vec<_> = style
        .flushes
        .iter()
        .map(|(at, full)| (at.index(message.len() + 1), *full))
        .collect();
    flushes.sort_unstable();
    flushes.push((message.len(), false));
    let mut out = Vec::with_capacity(2 * message.len() + 1000);
    let mut start = 0;
    for (end, is_full) in flushes {
        let flush = if is_full {
            FlushCompress::Full
        } else {
            FlushCompress::Sync
        };
        compress
            .compress_vec(&message[start..end], &mut out, flush)
            .expect("it can be compressed");
        start = end;
    }
    // A flush right after another writes nothing more.
    out.strip_suffix(b"\x00\x00\xff\xff")
        .map_or_else(|| vec![0], <[u8]>::to_vec)
}

/// The message in frames that end at the cuts.
fn frames(first: u8, payload: &[u8], cuts: &[Index]) -> Vec<u8> {
    let mut cuts: Vec<_> = cuts
        .iter()
        .map(|cut| cut.index(payload.len() + 1))
        .collect();
    cuts.push(payload.len());
    cuts.sort_unstable();
    let mut bytes = Vec::new();
    let mut start = 0;
    for (index, &end) in cuts.iter().enumerate() {
        let opcode = if index == 0 { first } else { 0 };
        let last = if index + 1 == cuts.len() { 0x80 } else { 0 };
        bytes.extend(frame(opcode | last, [9, 8, 7, 6], &payload[start..end]));
        start = end;
    }
    bytes
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..300),
        8 => ".{0,300}".prop_map(String::into_bytes),
        // Long enough to be inflated before it is whole, since it gets no shorter; and long when inflated.
        1 => (any::<u32>(), 60_000_usize..120_000).prop_map(|(seed, len)| noise(seed, len)),
        1 => ("[a-zé]{1,20}", 1_usize..10_000).prop_map(|(text, times)| text.repeat(times).into_bytes()),
    ]
}

fn noise(mut seed: u32, len: usize) -> Vec<u8> {
    std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    })
    .take(len)
    .collect()
}

proptest! {
    #[test]
    fn what_flate2_compresses_is_read_however_it_is_cut(
        payload in payload(),
        style in style(),
        fragments in vec(any::<Index>(), 0..5),
        cuts in vec(any::<Index>(), 0..10),
    ) {
        let compressed = compressed(&payload, &style);
        let bytes = frames(0x42, &compressed, &fragments);
        let expected = [Event::Binary(Cow::Borrowed(&payload[..]))];
        prop_assert_eq!(&hear(pieces(&bytes, &cuts))[..], &expected[..]);

        let bytes = frames(0x41, &compressed, &fragments);
        match (str::from_utf8(&payload), &hear(pieces(&bytes, &cuts))[..]) {
            (Ok(text), [Event::Text(heard)]) => prop_assert_eq!(text, heard),
            (Err(_), [Event::Failed { violation, .. }]) => prop_assert_eq!(violation.close_code(), 1007),
            (_, heard) => prop_assert!(false, "{} events", heard.len()),
        }
    }

    #[test]
    fn what_is_garbled_is_judged_the_same_however_it_is_cut(
        payload in payload(),
        style in style(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        is_text in any::<bool>(),
        cuts in vec(any::<Index>(), 0..10),
    ) {
        let mut compressed = compressed(&payload, &style);
        for (at, byte) in changes {
            let at = at.index(compressed.len());
            compressed[at] = byte;
        }
        let bytes = frames(if is_text { 0x41 } else { 0x42 }, &compressed, &[]);
        prop_assert_eq!(hear(pieces(&bytes, &cuts)), hear([&bytes[..]]));
    }

    #[test]
    fn what_is_compressed_is_read_by_flate2(payload in payload(), bits in 9_u8..=15) {
        let message = Outgoing::Binary(Bytes::from(payload.clone()));
        let window = Window::new(bits).unwrap();
        if let Some(frame) = Deflater::new(0).compressed_frame(&message, window) {
            let header = match frame[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            let compressed = [&frame[header..], b"\x00\x00\xff\xff"].concat();
            let mut inflated = Vec::with_capacity(payload.len() + 1);
            Decompress::new_with_window_bits(false, bits)
                .decompress_vec(&compressed, &mut inflated, FlushDecompress::Sync)
                .unwrap();
            prop_assert_eq!(inflated, payload);
        }
    }
}

/// A gibibyte of zeros, in a little more than a mebibyte: one compressed block over and over.
fn bomb() -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(MIB);
    compress
        .compress_vec(&vec![0; MIB], &mut block, FlushCompress::Full)
        .expect("it can be compressed");
    let mut bomb = block.repeat(1024);
    bomb.truncate(bomb.len() - 4);
    bomb
}

/// The most memory that this process has had, in bytes.
fn memory_peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let bomb = bomb();
    assert!(bomb.len() < MIB + MIB / 8, "{}", bomb.len());
    let whole = frames(0x42, &bomb, &[]);
    // The first tenth, of a message that never ends.
    let begun = frame(0x42, [1, 2, 3, 4], &bomb[..bomb.len() / 10]);
    let before = memory_peak();
    for bytes in [whole, begun] {
        for piece_len in [bytes.len(), 64 * 1024] {
            match &hear(bytes.chunks(piece_len))[..] {
                [Event::Failed { violation, reply }] => {
                    assert_eq!(violation.close_code(), 1009);
                    assert!(reply.is_some());
                }
                other => panic!("{} events", other.len()),
            }
        }
    }
    // The bytes themselves and a few mebibytes, where the whole would be a thousand.
    let grown = memory_peak() - before;
    assert!(grown < 100 * MIB, "{grown}");
}
