//! What the bytes of WebSocket messages cost: unmasking, checking, inflating and compressing, with no socket anywhere.

#[path = "../src/sample.rs"]
mod sample;

use std::sync::Arc;

use broker_core::Timestamp;
use broker_dialect::Outgoing;
use broker_testkit::client::masked;
use broker_transport::ws::{Deflater, Event, Inflater, Settings, WebSocket, Window};
use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use flate2::{Compress, Compression, FlushCompress};
use sample::json;

const NOW: Timestamp = Timestamp(0);

const TEXT: u8 = 0x1;
const COMPRESSED: u8 = 0x40;

fn main() {
    divan::main();
}

/// A large message in one frame, from the masked bytes to the checked text. What is received is unmasked where it
/// lies, and so it is masked again for the next time; that is not counted.
#[divan::bench(args = [4 * 1024, 64 * 1024, 1024 * 1024])]
fn receive_text(bencher: Bencher<'_, '_>, len: usize) {
    let frame = masked(TEXT, json(len).as_bytes());
    receive(bencher, &frame, len, None, usize::MAX);
}

/// As above, in which every other character has two bytes.
#[divan::bench(args = [64 * 1024, 1024 * 1024])]
fn receive_text_beyond_ascii(bencher: Bencher<'_, '_>, len: usize) {
    let frame = masked(TEXT, "eé ".repeat(len / 4).as_bytes());
    receive(bencher, &frame, len, None, usize::MAX);
}

/// A large message in one frame that comes in pieces, as a socket gives it.
#[divan::bench(args = [1024 * 1024])]
fn receive_text_in_pieces(bencher: Bencher<'_, '_>, len: usize) {
    let frame = masked(TEXT, json(len).as_bytes());
    receive(bencher, &frame, len, None, 64 * 1024);
}

/// A compressed message, inflated and checked.
#[divan::bench(args = [1024, 4 * 1024, 64 * 1024])]
fn receive_compressed_text(bencher: Bencher<'_, '_>, len: usize) {
    let json = json(len);
    let mut compress = Compress::new(Compression::default(), false);
    let mut compressed = Vec::with_capacity(len);
    compress
        .compress_vec(json.as_bytes(), &mut compressed, FlushCompress::Sync)
        .expect("it can be compressed");
    compressed.truncate(compressed.len() - 4);
    let frame = masked(COMPRESSED | TEXT, &compressed);
    receive(bencher, &frame, len, Some(Window::MAX), usize::MAX);
}

/// The frame of a message, as it is made once for all its receivers.
#[divan::bench(args = [1024, 4 * 1024, 64 * 1024])]
fn compress_text(bencher: Bencher<'_, '_>, len: usize) {
    let mut deflater = Deflater::new(1024);
    let message = Outgoing::Text(Bytes::from(json(len)));
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| deflater.frame(&message, Some(Window::MAX)));
}

/// How hard the library may try, over 4 KiB of JSON; printed first, what is left of a hundred bytes.
#[divan::bench(args = levels(4 * 1024))]
fn compress_at_level(bencher: Bencher<'_, '_>, level: &Level) {
    let json = json(4 * 1024);
    let mut compress = Compress::new(Compression::new(level.number), false);
    let mut room = vec![0; 8 * 1024];
    bencher
        .counter(BytesCount::new(json.len()))
        .bench_local(|| {
            compress.reset();
            compress.compress(json.as_bytes(), &mut room, FlushCompress::Sync)
        });
}

/// A level, and what it makes of the JSON.
struct Level {
    number: u32,
    percent: u64,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} %", self.number, self.percent)
    }
}

fn levels(len: usize) -> impl Iterator<Item = Level> {
    let json = json(len);
    (1..=9).map(move |number| {
        let mut compress = Compress::new(Compression::new(number), false);
        let mut room = vec![0; 2 * len];
        compress
            .compress(json.as_bytes(), &mut room, FlushCompress::Sync)
            .expect("it can be compressed");
        Level {
            number,
            percent: compress.total_out() * 100 / len as u64,
        }
    })
}

/// Receives a frame with a text of `len` bytes, in pieces of so many.
fn receive(
    bencher: Bencher<'_, '_>,
    frame: &[u8],
    len: usize,
    window: Option<Window>,
    piece: usize,
) {
    let mut settings = Settings::default();
    settings.max_message = 1 << 24;
    let mut websocket = WebSocket::new(Arc::new(settings), NOW).with_compression(window);
    let mut inflater = Inflater::default();
    bencher
        .counter(BytesCount::new(len))
        .with_inputs(|| frame.to_vec())
        .bench_local_refs(|frame| {
            let mut received = 0;
            for mut piece in frame.chunks_mut(piece) {
                while let Some(event) = websocket.receive(NOW, &mut inflater, &mut piece) {
                    if let Event::Text(text) = event {
                        received += black_box(text).len();
                    }
                }
            }
            assert_eq!(received, len);
        });
}
