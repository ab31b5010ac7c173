use std::io;

use broker_testkit::authority::{Authority, Offer};
use broker_testkit::soon;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_rustls::client::TlsStream;

use crate::tls::{Identity, Tls};
use crate::{Flushed, Outbound, Reader, Socket, Writer};

/// The longest that a record's content can be.
const RECORD: usize = 16 * 1024;

/// A client, and the server's two directions.
struct Pair {
    client: TlsStream<UnixStream>,
    reader: Reader,
    writer: Writer,
}

async fn pair(offer: Offer<'_>) -> Pair {
    let authority = Authority::new();
    let issued = authority.issue();
    let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes());
    let tls = Tls::new(identity.unwrap());
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (stream, client) = tokio::join!(
        tls.accept(Socket::Unix(theirs)),
        authority.over(ours, offer)
    );
    let (reader, writer) = stream.unwrap().split();
    Pair {
        client: client.unwrap(),
        reader,
        writer,
    }
}

impl Pair {
    async fn read(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let len = soon("bytes", self.reader.read(&mut bytes)).await?;
        bytes.truncate(len);
        Ok(bytes)
    }

    /// Reads so many bytes as the client.
    async fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.client.read_exact(&mut bytes);
        soon("what was written", read).await.unwrap();
        bytes
    }
}

/// A frame that is told from every other.
fn frame(number: usize, len: usize) -> Bytes {
    let bytes = (0..len).map(|place| (number * 31 + place * 7) as u8);
    bytes.collect()
}

#[tokio::test]
async fn both_versions_carry_bytes_both_ways() {
    for is_old in [false, true] {
        let mut pair = pair(Offer {
            is_old,
            ..Offer::default()
        })
        .await;
        pair.client.write_all(b"there").await.unwrap();
        assert_eq!(pair.read(100).await.unwrap(), b"there");
        let mut queue = Outbound::default();
        queue.push_control(Bytes::from_static(b"and"));
        queue.push_control(Bytes::from_static(b"back"));
        assert_eq!(queue.flush(&pair.writer).unwrap(), Flushed::All);
        assert_eq!(pair.hear(7).await, b"andback");
    }
}

#[tokio::test]
async fn what_is_read_in_small_pieces_is_all_there() {
    let mut pair = pair(Offer::default()).await;
    let sent = frame(1, 100_000);
    let mut received = Vec::new();
    let (mut theirs, bytes) = (pair.client, sent.clone());
    let writing = tokio::spawn(async move {
        theirs.write_all(&bytes).await.unwrap();
        theirs
    });
    pair.client = {
        let mut reader = pair.reader;
        while received.len() < sent.len() {
            let mut bytes = [0; 777];
            let len = soon("bytes", reader.read(&mut bytes)).await.unwrap();
            received.extend_from_slice(&bytes[..len]);
        }
        pair.reader = reader;
        writing.await.unwrap()
    };
    assert_eq!(received, sent);
}

#[tokio::test]
async fn a_socket_that_takes_little_gets_every_byte_in_order() {
    let mut pair = pair(Offer::default()).await;
    let frames: Vec<Bytes> = (0..600)
        .map(|number| frame(number, 2 + number * number % 5000))
        .collect();
    let all = frames.concat();
    let mut queue = Outbound::default();
    frames
        .into_iter()
        .for_each(|frame| queue.push_control(frame));
    let mut heard = Vec::new();
    let mut blocks = 0;
    while queue.flush(&pair.writer).unwrap() == Flushed::Blocked {
        blocks += 1;
        assert!(queue.bytes() > 0, "what the socket has not taken is queued");
        // All that is with the socket; the end of the last record is not.
        let taken = all.len() - queue.bytes() - heard.len();
        heard.extend(pair.hear(taken - RECORD).await);
        soon("room", pair.writer.writable()).await.unwrap();
    }
    assert!(blocks > 3, "the socket was never full");
    let rest = all.len() - heard.len();
    heard.extend(pair.hear(rest).await);
    assert!(heard == all);
}

#[tokio::test]
async fn a_discard_leaves_whole_frames_whatever_tls_has_taken() {
    for len in [
        2,
        3,
        100,
        5000,
        16 * 1024 - 1,
        16 * 1024,
        16 * 1024 + 1,
        40_000,
    ] {
        let mut pair = pair(Offer::default()).await;
        let mut queue = Outbound::default();
        (0..2_000_000 / len).for_each(|number| queue.push_control(frame(number, len)));
        assert_eq!(queue.flush(&pair.writer).unwrap(), Flushed::Blocked);
        queue.discard();
        queue.push_control(Bytes::from_static(b"the end"));
        let writer = pair.writer;
        let writing = async {
            while queue.flush(&writer).unwrap() == Flushed::Blocked {
                writer.writable().await.unwrap();
            }
            writer.shutdown();
        };
        let mut heard = Vec::new();
        let (_, read) = tokio::join!(
            soon("room", writing),
            soon("the rest", pair.client.read_to_end(&mut heard))
        );
        read.expect("it ends as TLS wants it");
        let whole = heard.strip_suffix(b"the end").expect("the last frame");
        assert_eq!(whole.len() % len, 0, "frames of {len} bytes");
        for (number, found) in whole.chunks(len).enumerate() {
            assert!(found == frame(number, len), "frame {number} of {len} bytes");
        }
    }
}

#[tokio::test]
async fn an_end_is_an_end_with_a_close_notify_and_without() {
    let mut polite = pair(Offer::default()).await;
    polite.client.write_all(b"bye").await.unwrap();
    polite.client.shutdown().await.unwrap();
    assert_eq!(polite.read(100).await.unwrap(), b"bye");
    assert_eq!(polite.read(100).await.unwrap(), b"");
    let mut cut = pair(Offer::default()).await;
    cut.client.get_mut().0.shutdown().await.unwrap();
    assert_eq!(cut.read(100).await.unwrap(), b"");
}

#[tokio::test]
async fn after_a_forged_record_the_peer_is_told_and_nothing_more_is_read() {
    let mut pair = pair(Offer::default()).await;
    pair.client.write_all(b"good").await.unwrap();
    let forged = [0x17, 3, 3, 0, 20].into_iter().chain([0; 20]);
    let socket = pair.client.get_mut().0;
    socket.write_all(&Vec::from_iter(forged)).await.unwrap();
    assert_eq!(pair.read(100).await.unwrap(), b"good");
    for _ in 0..2 {
        let error = pair.read(100).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
    let told = soon("an alert", pair.client.read(&mut [0; 10])).await;
    let told = told.unwrap_err().to_string();
    assert!(told.contains("BadRecordMac"), "{told}");
}

#[tokio::test]
async fn a_peer_may_change_its_keys() {
    let mut pair = pair(Offer::default()).await;
    for round in 0..3 {
        let (_, tls) = pair.client.get_mut();
        tls.refresh_traffic_keys().unwrap();
        let text = format!("round {round}");
        pair.client.write_all(text.as_bytes()).await.unwrap();
        assert_eq!(pair.read(100).await.unwrap(), text.as_bytes());
        let mut queue = Outbound::default();
        queue.push_control(Bytes::from(text.clone()));
        assert_eq!(queue.flush(&pair.writer).unwrap(), Flushed::All);
        assert_eq!(pair.hear(text.len()).await, text.as_bytes());
    }
}
