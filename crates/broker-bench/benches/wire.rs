//! What the bytes of WebSocket messages cost: unmasking, checking, inflating and compressing, with no socket anywhere.

use std::sync::Arc;
use std::time::Duration;

use broker_core::Timestamp;
use broker_dialect::Outgoing;
use broker_transport::ws::{Deflater, Event, Inflater, Settings, WebSocket, Window};
use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use flate2::{Compress, Compression, FlushCompress};

const NOW: Timestamp = Timestamp(0);

fn main() {
    divan::main();
}

/// A large message in one frame, from the masked bytes to the checked text. What is received is unmasked where it
/// lies, and so it is masked again for the next time; that is not counted.
#[divan::bench(args = [4 * 1024, 64 * 1024, 1024 * 1024])]
fn receive_text(bencher: Bencher<'_, '_>, len: usize) {
    let (mut websocket, mut inflater) = connection(None);
    let frame = masked(0x81, json(len).as_bytes());
    bencher
        .counter(BytesCount::new(len))
        .with_inputs(|| frame.clone())
        .bench_local_refs(|frame| {
            let mut input = &mut frame[..];
            match websocket.receive(NOW, &mut inflater, &mut input) {
                Some(Event::Text(text)) => black_box(text).len(),
                other => panic!("{}", other.is_some()),
            }
        });
}

/// As above, in which every other character has two bytes.
#[divan::bench(args = [64 * 1024, 1024 * 1024])]
fn receive_text_beyond_ascii(bencher: Bencher<'_, '_>, len: usize) {
    let (mut websocket, mut inflater) = connection(None);
    let frame = masked(0x81, "eé ".repeat(len / 4).as_bytes());
    bencher
        .counter(BytesCount::new(len))
        .with_inputs(|| frame.clone())
        .bench_local_refs(|frame| {
            let mut input = &mut frame[..];
            match websocket.receive(NOW, &mut inflater, &mut input) {
                Some(Event::Text(text)) => black_box(text).len(),
                other => panic!("{}", other.is_some()),
            }
        });
}

/// A compressed message, inflated and checked.
#[divan::bench(args = [1024, 4 * 1024, 64 * 1024])]
fn receive_compressed_text(bencher: Bencher<'_, '_>, len: usize) {
    let (mut websocket, mut inflater) = connection(Some(Window::MAX));
    let json = json(len);
    let mut compress = Compress::new(Compression::default(), false);
    let mut compressed = Vec::with_capacity(len);
    compress
        .compress_vec(json.as_bytes(), &mut compressed, FlushCompress::Sync)
        .expect("it can be compressed");
    compressed.truncate(compressed.len() - 4);
    let frame = masked(0xc1, &compressed);
    bencher
        .counter(BytesCount::new(len))
        .with_inputs(|| frame.clone())
        .bench_local_refs(|frame| {
            let mut input = &mut frame[..];
            match websocket.receive(NOW, &mut inflater, &mut input) {
                Some(Event::Text(text)) => black_box(text).len(),
                other => panic!("{}", other.is_some()),
            }
        });
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

fn connection(window: Option<Window>) -> (WebSocket, Inflater) {
    let settings = Settings {
        max_message: 1 << 24,
        max_fragments: 1024,
        uncounted_fragment: u64::MAX,
        message_timeout: Duration::from_secs(30),
        close_timeout: Duration::from_secs(5),
        ping_interval: Duration::from_secs(25),
        pong_timeout: Duration::from_secs(10),
    };
    let websocket = WebSocket::new(Arc::new(settings), NOW).with_compression(window);
    (websocket, Inflater::default())
}

/// So many bytes of an array of objects, such as an application sends: names repeat, values less so.
fn json(len: usize) -> String {
    let mut json = String::from("[");
    let mut seed = 1_u32;
    while json.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (id, price) = (seed >> 8, seed >> 16);
        let room = seed >> 27;
        json += &format!(
            r#"{{"id":"u{id:07x}","type":"client-position","room":"room-{room}","x":{price},"y":{}.{},"online":{}}},"#,
            id % 1000,
            price % 100,
            room % 3 == 0,
        );
    }
    json.truncate(len);
    json
}

/// A frame as a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}
