//! Lists of commands take effect one after the other everywhere, whoever sends them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::thread;

use broker_server::Handle;
use broker_testkit::backend::{Reply, Scripted, Told, commands};
use broker_testkit::client::{Client, Raw};
use serde_json::Value;
use tokio::runtime::Builder;

use crate::broker::Broker;

const RECEIVERS: usize = 60;
const SENDERS: usize = 8;
const LISTS: usize = 40;

/// Whom list number `list` of a sender is for.
fn aim(sender: usize, list: usize) -> String {
    match (sender + list) % 5 {
        0 => "{}".to_owned(),
        1 => format!(r#"{{"group":{}}}"#, list % 4),
        2 => format!(r#"{{"parity":"{}"}}"#, list % 2),
        3 => format!(r#"{{"group":{{"$ne":{}}}}}"#, list % 4),
        _ => format!(r#"{{"group":[{}]}}"#, list % 4),
    }
}

/// Two sends with the same aim.
fn two_sends(sender: usize, list: usize) -> String {
    let send = |half: usize| {
        let aim = aim(sender, list);
        format!(r#"{{"type":"send","match":{aim},"message":[{sender},{list},{half}]}}"#)
    };
    format!("[{},{}]", send(0), send(1))
}

/// Whether a receiver is meant by list number `list` of a sender.
fn is_meant(receiver: usize, sender: usize, list: usize) -> bool {
    match (sender + list) % 5 {
        0 => true,
        1 | 4 => receiver % 4 == list % 4,
        2 => receiver % 2 == list % 2,
        _ => receiver % 4 != list % 4,
    }
}

/// Answers a message that says so with the list that it asks for.
fn answer(told: &Told) -> Reply {
    let message: Value = serde_json::from_str(&told.message).unwrap();
    let number = |name: &str| message[name].as_u64().map(|number| number as usize);
    Reply::Commands(match (number("sender"), number("list")) {
        (Some(sender), Some(list)) => two_sends(sender, list),
        _ => String::new(),
    })
}

/// Sends all lists of one sender, on a thread and through a door of its own.
fn send_all(sender: usize, handle: Handle, addr: SocketAddr) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match sender % 3 {
            0 => {
                for list in 0..LISTS {
                    let list = commands(two_sends(sender, list));
                    handle.execute(list).await.unwrap();
                }
            }
            1 => {
                let mut door = Raw::connect(addr).await;
                for list in 0..LISTS {
                    let list = two_sends(sender, list);
                    let answer = door.request("POST", "/", &[], &list).await;
                    assert_eq!((answer.status, &*answer.body), (200, "[null,null]"));
                }
            }
            _ => {
                let mut client = Client::connect(addr, "/").await;
                for list in 0..LISTS {
                    client
                        .say(&format!(r#"{{"sender":{sender},"list":{list}}}"#))
                        .await;
                }
                // A connection that ends may still have messages that nobody has looked at.
                while client.text().await != r#""enough""# {}
            }
        }
    });
}

#[tokio::test]
async fn any_two_receivers_see_common_fan_outs_in_one_order_and_lists_whole() {
    let config = "listen.shards = 3\naccess.allow = ['127.0.0.1']";
    let broker = Broker::start(config, &Scripted::new(answer));
    let mut receivers = Vec::new();
    for receiver in 0..RECEIVERS {
        let cookies = format!("group={}; parity={}", receiver % 4, receiver % 2);
        let addr = broker.addr();
        receivers.push(Client::connect_with(addr, "/", &[("cookie", &cookies)]).await);
    }
    broker
        .until("all receivers", |report| report.connections == RECEIVERS)
        .await;
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (handle, addr) = (broker.handle.clone(), broker.addr());
            thread::spawn(move || send_all(sender, handle, addr))
        })
        .collect();

    let mut sequences = Vec::new();
    for (receiver, client) in receivers.iter_mut().enumerate() {
        let meant = |sender: usize| {
            (0..LISTS)
                .filter(move |list| is_meant(receiver, sender, *list))
                .count()
        };
        let expected = 2 * (0..SENDERS).map(meant).sum::<usize>();
        sequences.push(client.texts(expected).await);
    }
    broker
        .execute(r#"[{"type":"send","match":{"group":{"$exists":false}},"message":"enough"}]"#)
        .await;
    for sender in senders {
        tokio::task::spawn_blocking(|| sender.join())
            .await
            .unwrap()
            .unwrap();
    }

    for sequence in &sequences {
        for pair in sequence.chunks(2) {
            let first = pair[0].strip_suffix(",0]");
            let second = pair[1].strip_suffix(",1]");
            assert!(first.is_some() && first == second, "interleaved: {pair:?}");
        }
    }
    for (place, one) in sequences.iter().enumerate() {
        for other in &sequences[..place] {
            let known: HashSet<&String> = one.iter().collect();
            let common: HashSet<&String> =
                other.iter().filter(|text| known.contains(text)).collect();
            let of = |sequence: &Vec<String>| -> Vec<String> {
                sequence
                    .iter()
                    .filter(|text| common.contains(text))
                    .cloned()
                    .collect()
            };
            assert_eq!(of(one), of(other));
        }
    }
}

#[tokio::test]
async fn the_lists_of_one_sender_arrive_in_the_order_in_which_it_sent_them() {
    let broker = Broker::alone("listen.shards = 3");
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(broker.client("").await);
    }
    for number in 0..200 {
        broker
            .execute(format!(r#"{{"type":"send","message":{number}}}"#))
            .await;
    }
    let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for client in &mut clients {
        assert_eq!(client.texts(200).await, expected);
    }
}
