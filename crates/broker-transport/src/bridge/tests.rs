mod any_order;

use super::*;
use crate::stream::{Reader, Writer};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection over a stream that is carried by a task, and the peer's end of the stream.
struct Bridged {
    reader: Reader,
    writer: Writer,
    peer: DuplexStream,
    carrying: JoinHandle<()>,
}

fn bridged(write_timeout: Option<Duration>) -> Bridged {
    let (reader, writer, carrier) = bridge();
    let (ours, peer) = tokio::io::duplex(1024);
    let carrying = tokio::spawn(carrier.carry(ours, write_timeout, PATIENCE));
    Bridged {
        reader: Reader::Bridged(reader),
        writer: Writer::Bridged(writer),
        peer,
        carrying,
    }
}

async fn read(reader: &mut Reader) -> io::Result<Vec<u8>> {
    let mut bytes = [0; 100];
    let len = reader.read(&mut bytes).await?;
    Ok(bytes[..len].to_vec())
}

/// Writes until the connection takes nothing at once.
fn fill(writer: &Writer) -> usize {
    let mut written = 0;
    loop {
        match writer.try_write_vectored(&[IoSlice::new(&[7; 1000])]) {
            Ok(len) => written += len,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                return written;
            }
        }
    }
}

#[tokio::test]
async fn bytes_and_ends_go_both_ways() {
    let mut it = bridged(None);
    it.peer.write_all(b"hello").await.unwrap();
    assert_eq!(read(&mut it.reader).await.unwrap(), b"hello");
    let slices = [IoSlice::new(b"good "), IoSlice::new(b"day")];
    assert_eq!(it.writer.try_write_vectored(&slices).unwrap(), 8);
    it.writer.shutdown();
    let mut heard = String::new();
    it.peer.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "good day");
    it.peer.write_all(b"bye").await.unwrap();
    assert_eq!(read(&mut it.reader).await.unwrap(), b"bye");
    it.peer.shutdown().await.unwrap();
    assert_eq!(read(&mut it.reader).await.unwrap(), b"");
    drop((it.reader, it.writer));
    it.carrying.await.unwrap();
}

#[tokio::test]
async fn what_a_peer_does_not_read_waits_with_the_writer_who_learns_when_there_is_room() {
    let mut it = bridged(None);
    // Nothing is carried before this task waits.
    assert_eq!(fill(&it.writer), PIPE_BYTES);
    let drained = async {
        let mut heard = vec![0; PIPE_BYTES];
        it.peer.read_exact(&mut heard).await.unwrap();
    };
    let (writable, ()) = tokio::join!(it.writer.writable(), drained);
    writable.unwrap();
    assert_eq!(fill(&it.writer), PIPE_BYTES);
}

#[tokio::test]
async fn what_was_written_reaches_the_peer_after_its_connection_is_dropped() {
    let mut it = bridged(None);
    let written = fill(&it.writer);
    drop((it.reader, it.writer));
    let mut heard = Vec::new();
    it.peer.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard.len(), written);
    it.carrying.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_does_not_keep_a_stream_whose_connection_was_dropped() {
    let it = bridged(None);
    fill(&it.writer);
    drop((it.reader, it.writer));
    it.carrying.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_for_write_timeout_is_given_up() {
    let it = bridged(Some(PATIENCE));
    fill(&it.writer);
    it.writer.writable().await.unwrap();
    fill(&it.writer);
    let gone = it.writer.writable().await.unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_silent_peer_does_not_keep_a_stream_whose_connection_was_dropped() {
    let mut it = bridged(None);
    drop((it.reader, it.writer));
    it.carrying.await.unwrap();
    assert_eq!(it.peer.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_peer_that_has_gone_ends_both_directions() {
    let mut it = bridged(None);
    drop(it.peer);
    assert_eq!(read(&mut it.reader).await.unwrap(), b"");
    while let Ok(_) | Err(io::ErrorKind::WouldBlock) = it
        .writer
        .try_write_vectored(&[IoSlice::new(b"x")])
        .map_err(|error| error.kind())
    {
        tokio::task::yield_now().await;
    }
}
