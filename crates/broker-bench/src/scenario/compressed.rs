//! A compressed message to 2000 receivers, beside a short plain one.
//!
//! A message is compressed once for all its receivers. So 4 KiB that go out
//! compressed should cost little more than 1 KiB that goes out as it is.

use std::{io, time::Duration};

use super::{Case, Column, Setting, cookie};
use crate::{
    figures::micros,
    load::{Arrival, Load},
    peers::Peer,
    sample,
};

const RECEIVERS: usize = 2000;
const WARM_UP: usize = 50;
const MESSAGES: usize = 400;

/// Bytes of the messages.
const COMPRESSED: usize = 4 * 1024;
const PLAIN: usize = 1024;

pub(super) struct Compressed;

impl Case for Compressed {
    fn title(&self) -> String {
        format!(
            "fan-out to {RECEIVERS} connections, {COMPRESSED} bytes of JSON compressed beside {PLAIN} plain"
        )
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU, times plain", 2),
                Column::new("CPU µs per delivery compressed", 2),
                Column::new("CPU µs per delivery plain", 2),
                Column::new("bytes compressed", 0),
            ]
        }
    }

    fn measures(&self, peer: Peer) -> bool {
        peer.compresses()
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let compressed = measure(COMPRESSED, true, peer, setting)?;
        let plain = measure(PLAIN, false, peer, setting)?;
        let deliveries = (setting.messages(MESSAGES) * RECEIVERS) as f64;
        Ok(vec![
            micros(compressed.cpu) / micros(plain.cpu),
            micros(compressed.cpu) / deliveries,
            micros(plain.cpu) / deliveries,
            compressed.len as f64,
        ])
    }
}

/// What the messages of one kind cost.
struct Cost {
    cpu: Duration,
    /// Bytes of the payload of a frame.
    len: usize,
}

/// Sends messages of so many bytes, one at a time, to a fresh server's clients.
fn measure(len: usize, compresses: bool, peer: Peer, setting: &Setting) -> io::Result<Cost> {
    let server = setting.launcher.start(peer, None)?;
    let mut load = if compresses {
        Load::compressed(server.target())?
    } else {
        Load::new(server.target())?
    };
    let message = sample::json(len);
    load.open(RECEIVERS, cookie)
        .and_then(|_| load.open_doors(peer.door(), 1))
        .and_then(|()| send_all(&mut load, &message, compresses, WARM_UP))
        .map_err(|error| server.blame(&error))?;
    let messages = setting.messages(MESSAGES);
    let (cpu, len) = server.metered(|| send_all(&mut load, &message, compresses, messages))?;
    Ok(Cost { cpu, len })
}

/// Sends a message so many times, and checks that each receiver gets it once
/// each time; gives the length of a frame's payload.
fn send_all(
    load: &mut Load,
    message: &str,
    compresses: bool,
    messages: usize,
) -> io::Result<usize> {
    load.expect_from_now();
    let mut frame_len = message.len();
    for number in 1..=messages {
        load.command(0, None, message)?;
        let mut missing = vec![true; RECEIVERS];
        let (mut received, mut is_answered) = (0, false);
        while received < RECEIVERS || !is_answered {
            load.turn(&mut |arrival| match arrival {
                Arrival::Frame {
                    connection,
                    is_compressed,
                    payload,
                } => {
                    if is_compressed != compresses || !std::mem::take(&mut missing[connection]) {
                        let text =
                            format!("connection {connection}, message {number}: another frame");
                        return Err(io::Error::other(text));
                    }
                    frame_len = payload.len();
                    received += 1;
                    Ok(())
                }
                Arrival::Answered { .. } => {
                    is_answered = true;
                    Ok(())
                }
                Arrival::Opened { .. } => Ok(()),
            })?;
        }
    }
    Ok(frame_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_json_of_their_length() {
        for len in [PLAIN, COMPRESSED] {
            let message = sample::json(len);
            assert_eq!(message.len(), len);
            assert!(serde_json::from_str::<serde_json::Value>(&message).is_ok());
        }
    }
}
