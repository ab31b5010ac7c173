//! The echo endpoint.

use std::time::Duration;

use broker_server::Report;
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Heard, masked};

use crate::broker::Broker;

const ECHO: &str = "[[endpoint]]\npath = '*'\ndialect = 'echo'\n";
const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn texts_and_binaries_come_back_as_they_were_and_nobody_is_told() {
    let backend = Scripted::silent();
    let broker = Broker::start(ECHO, &backend);
    let mut client = broker.client("").await;
    client.say("h\u{e9} {").await;
    assert_eq!(client.next().await, Heard::Text("h\u{e9} {".to_owned()));
    client.say_binary(&[0u8, 255, 7][..]).await;
    assert_eq!(
        client.next().await,
        Heard::Binary((&[0u8, 255, 7][..]).into())
    );
    client.say("").await;
    assert_eq!(client.next().await, Heard::Text(String::new()));
    client.close(Some(1000), "").await;
    broker.until("the end", |report| report.sessions == 0).await;
    assert_eq!(backend.told(), []);
}

#[tokio::test]
async fn a_message_of_16_mib_comes_back_and_a_longer_one_is_refused() {
    let broker = Broker::alone(ECHO);
    let mut raw = broker.raw_client().await;
    let long = vec![7; 16 * MIB];
    raw.write(masked(2, &long)).await;
    assert_eq!(raw.frame().await, (0x82, long));

    let mut head = masked(2, &[]);
    head.truncate(1);
    head.push(0x80 | 127);
    head.extend_from_slice(&(16 * MIB as u64 + 1).to_be_bytes());
    head.extend_from_slice(&[0; 4]);
    raw.write(head).await;
    let (head, payload) = raw.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &1009u16.to_be_bytes()[..]));
}

#[tokio::test]
async fn a_message_may_come_in_any_number_of_fragments_that_are_not_tiny() {
    let broker = Broker::alone(&format!("{ECHO}[limits]\nmax_fragments = 3"));
    let fragment = |first: u8, payload: &[u8]| {
        let mut frame = masked(first & 0x0f, payload);
        frame[0] = first;
        frame
    };
    let mut raw = broker.raw_client().await;
    let long = [fragment(0x02, b""), fragment(0x00, &[7; 64]).repeat(50)].concat();
    raw.write([&long[..], &fragment(0x80, &[7; 64])].concat())
        .await;
    assert_eq!(raw.frame().await, (0x82, vec![7; 51 * 64]));

    let tiny = fragment(0x00, &[7; 63]).repeat(3);
    raw.write([long, tiny].concat()).await;
    let (head, payload) = raw.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &1008u16.to_be_bytes()[..]));
}

#[tokio::test]
async fn it_is_not_read_while_its_queue_is_over_the_limit_and_loses_nothing() {
    const MESSAGES: usize = 200;
    const LEN: usize = 256 * 1024;
    let broker = Broker::alone(&format!(
        "{ECHO}[limits]\nmax_send_queue = '64KiB'\nwrite_timeout = 0"
    ));
    let (mut reading, mut writing) = broker.raw_client().await.split();
    // More than all buffers of the system hold, so that it cannot all be sent before something is read.
    let sender = tokio::spawn(async move {
        for number in 0..MESSAGES {
            writing.write(masked(2, &vec![number as u8; LEN])).await;
        }
    });
    let full = |report: &Report| report.queued_bytes > 64 * 1024;
    broker.until("the queue is over its limit", full).await;
    for _ in 0..20 {
        let queued = broker.handle.report().await.queued_bytes;
        assert!(queued <= 64 * 1024 + LEN + 64, "{queued} bytes are queued");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!sender.is_finished());
    for number in 0..MESSAGES {
        assert_eq!(reading.frame().await, (0x82, vec![number as u8; LEN]));
    }
    sender.await.unwrap();
}

#[tokio::test]
async fn nothing_is_echoed_after_our_close_frame_but_pings_are_answered() {
    let broker = Broker::alone(&format!("{ECHO}[limits]\nclose_timeout = '10m'"));
    let mut raw = broker.raw_client().await;
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    let (head, payload) = raw.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &1012u16.to_be_bytes()[..]));
    let mut bytes = masked(1, b"late");
    bytes.extend(masked(9, b"still there?"));
    bytes.extend(masked(8, &1012u16.to_be_bytes()));
    raw.write(bytes).await;
    assert_eq!(raw.frame().await, (0x8A, b"still there?".to_vec()));
    assert_eq!(raw.rest().await, b"");
    broker_testkit::soon("the drain", drain).await.unwrap();
}
