//! Messages to many, with a given number under way: what `fanout` and
//! `targeted` have in common.

use std::{
    collections::VecDeque,
    io,
    ops::Range,
    time::{Duration, Instant},
};

use super::{Setting, cookie};
use crate::{
    door::DoorKind,
    load::{Arrival, Load},
    peers::Peer,
};

/// Bytes of a usual payload: the JSON text of a string.
pub(super) const PAYLOAD: usize = 64;

/// Digits of the message's number at the start of that string.
const NUMBER: usize = 10;

/// What to send, to whom.
pub(super) struct Plan<'a> {
    /// Connections that are open.
    pub(super) connections: usize,
    /// Bytes of a message.
    pub(super) payload: usize,
    /// Messages before the measurement, and measured ones.
    pub(super) warm_up: usize,
    pub(super) messages: usize,
    /// At most one per door; each door's next message goes out when all
    /// receivers have its last one.
    pub(super) under_way: usize,
    pub(super) aim: &'a dyn Fn(usize) -> Aim,
}

/// The receivers of one message.
pub(super) struct Aim {
    /// The value of the cookie `room`; `None` is everyone.
    pub(super) room: Option<String>,
    /// The connections that must get it, and no others.
    pub(super) connections: Range<usize>,
}

/// How long messages took from the command to their receivers.
#[derive(Default)]
pub(super) struct Latencies {
    /// To each receiver: one per delivery.
    pub(super) each: Vec<Duration>,
    /// To the last receiver: one per message.
    pub(super) last: Vec<Duration>,
}

/// A message that not all receivers have yet, or whose command is not answered.
struct UnderWay {
    number: usize,
    door: usize,
    sent: Instant,
    aim: Aim,
    missing: usize,
    answered: bool,
}

/// Carries out `plan` with a fresh server; gives the CPU time that the measured
/// messages took from it, and their latencies.
pub(super) fn measure(
    plan: &Plan<'_>,
    peer: Peer,
    setting: &Setting,
) -> io::Result<(Duration, Latencies)> {
    let server = setting.launcher.start(peer, None)?;
    let mut load = Load::new(server.target())?;
    load.open(plan.connections, cookie)
        .and_then(|_| load.open_doors(peer.door(), plan.under_way))
        .and_then(|()| send_all(&mut load, peer.door(), plan, 0..plan.warm_up))
        .map_err(|error| server.blame(&error))?;
    server.metered(|| send_all(&mut load, peer.door(), plan, 0..plan.messages))
}

/// Sends the messages of these numbers and checks that each receiver gets each once.
pub(super) fn send_all(
    load: &mut Load,
    kind: DoorKind,
    plan: &Plan<'_>,
    numbers: Range<usize>,
) -> io::Result<Latencies> {
    load.expect_from_now();
    let mut latencies = Latencies::default();
    let mut under_way: VecDeque<UnderWay> = VecDeque::new();
    let mut free: Vec<usize> = (0..plan.under_way).collect();
    let mut next = numbers.start;
    while next < numbers.end || !under_way.is_empty() {
        while next < numbers.end
            && let Some(door) = free.pop()
        {
            let aim = (plan.aim)(next);
            let sent = Instant::now();
            load.command(door, aim.room.as_deref(), &payload(next, plan.payload))?;
            under_way.push_back(UnderWay {
                number: next,
                door,
                sent,
                missing: aim.connections.len(),
                aim,
                answered: !kind.is_answered(),
            });
            next += 1;
        }
        load.turn(&mut |arrival| match arrival {
            Arrival::Frame {
                connection,
                payload,
                ..
            } => receive(
                connection,
                payload,
                plan.payload,
                &mut under_way,
                &mut latencies,
            ),
            Arrival::Answered { door } => {
                let message = under_way.iter_mut().find(|message| message.door == door);
                if let Some(message) = message {
                    message.answered = true;
                }
                Ok(())
            }
            Arrival::Opened { .. } => Ok(()),
        })?;
        under_way.retain(|message| {
            let done = message.missing == 0 && message.answered;
            if done {
                free.push(message.door);
            }
            !done
        });
    }
    Ok(latencies)
}

fn receive(
    connection: usize,
    payload: &[u8],
    len: usize,
    under_way: &mut VecDeque<UnderWay>,
    latencies: &mut Latencies,
) -> io::Result<()> {
    let number = number(payload)
        .filter(|_| payload.len() == len)
        .ok_or_else(|| {
            let text = String::from_utf8_lossy(payload);
            io::Error::other(format!("a frame that was not asked for: {text:?}"))
        })?;
    let message = under_way
        .iter_mut()
        .find(|message| message.number == number && message.missing > 0)
        .filter(|message| message.aim.connections.contains(&connection))
        .ok_or_else(|| {
            let text = format!("connection {connection} got message {number}, not meant for it");
            io::Error::other(text)
        })?;
    let took = message.sent.elapsed();
    latencies.each.push(took);
    message.missing -= 1;
    if message.missing == 0 {
        latencies.last.push(took);
    }
    Ok(())
}

/// `"0000000042…"`: so many bytes of JSON.
fn payload(number: usize, len: usize) -> String {
    let fill = len - NUMBER - "\"\"".len();
    format!("\"{number:0NUMBER$}{:.<fill$}\"", "")
}

/// The number that a payload begins with.
pub(super) fn number(payload: &[u8]) -> Option<usize> {
    let digits = payload.get(1..=NUMBER)?;
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_json_of_its_length_and_says_its_number() {
        for (sent, len) in [(0, PAYLOAD), (42, PAYLOAD), (9_999_999_999, 16 * 1024)] {
            let text = payload(sent, len);
            assert_eq!(text.len(), len);
            assert!(serde_json::from_str::<String>(&text).is_ok());
            assert_eq!(number(text.as_bytes()), Some(sent));
        }
        assert!(number(b"{\"type\":\"pong\"}").is_none());
    }
}
