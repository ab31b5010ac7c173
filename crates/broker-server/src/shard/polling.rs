//! What a connection has that is polled, in the place of a socket.

use std::collections::VecDeque;

use broker_dialect::Words;
use broker_dialect::socketio::Socketio;
use broker_dialect::socketio::engine::payload::Body;
use broker_dialect::socketio::engine::{Control, Encoded};
use broker_transport::Full;
use tokio::sync::oneshot;

use super::connection::Waiting;
use crate::load::Seat;

/// What a packet counts in the queue beside its bytes.
const PACKET_COST: usize = size_of::<Encoded>();

/// What is to be fetched, and who fetches it.
#[derive(Debug)]
pub(super) struct Polling {
    queue: VecDeque<Encoded>,
    /// What the queue takes, with the cost of each packet.
    bytes: usize,
    /// The poll that waits for something to fetch.
    poll: Option<oneshot::Sender<Body>>,
    /// Whether a body of the client's is being taken in.
    pub(super) is_posting: bool,
    /// Whether the client takes binary bodies.
    pub(super) takes_binary: bool,
    /// A WebSocket that is to take over.
    pub(super) probe: Option<Waiting>,
    /// Its place in the count of connections, which goes to the WebSocket that takes over.
    pub(super) seat: Seat,
}

impl Polling {
    pub(super) fn new(takes_binary: bool, seat: Seat) -> Polling {
        seat.begin_polling();
        Polling {
            queue: VecDeque::new(),
            bytes: 0,
            poll: None,
            is_posting: false,
            takes_binary,
            probe: None,
            seat,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues words, unless what waits is over the limit: an empty queue takes any.
    pub(super) fn push(&mut self, words: &Words, limit: usize) -> Result<(), Full> {
        if self.bytes >= limit && !self.queue.is_empty() {
            return Err(Full);
        }
        self.push_words(words);
        Ok(())
    }

    /// Queues words, whatever the limit. Only packets are said by polling.
    pub(super) fn push_words(&mut self, words: &Words) {
        if let Words::Packet(packet, _) = words {
            self.push_control(packet.clone());
        }
    }

    /// Queues a packet, whatever the limit.
    pub(super) fn push_control(&mut self, packet: Encoded) {
        self.bytes += packet.size() + PACKET_COST;
        self.queue.push_back(packet);
    }

    pub(super) fn discard(&mut self) {
        self.queue = VecDeque::new();
        self.bytes = 0;
    }

    /// Its place in the count of connections. The task that has brought the WebSocket ends by itself.
    pub(super) fn into_seat(self) -> Seat {
        self.seat.end_polling();
        self.seat
    }

    /// Gives out what waits, for the WebSocket that takes over.
    pub(super) fn take(&mut self) -> VecDeque<Encoded> {
        self.bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// Whether a poll waits whose client is still there.
    pub(super) fn is_polled(&self) -> bool {
        self.poll.as_ref().is_some_and(|poll| !poll.is_closed())
    }

    /// Takes a poll that is to wait.
    pub(super) fn wait(&mut self) -> oneshot::Receiver<Body> {
        let (poll, polled) = oneshot::channel();
        self.poll = Some(poll);
        polled
    }

    /// Answers the poll that waits, if there is something to say. Whoever has gone meanwhile takes nothing along.
    pub(super) fn answer(&mut self, dialect: &Socketio) {
        let Some(poll) = self.poll.take_if(|_| !self.queue.is_empty()) else {
            return;
        };
        let body = dialect.write_body(self.takes_binary, self.queue.make_contiguous());
        let taken = body.taken;
        if poll.send(body).is_ok() {
            for packet in self.queue.drain(..taken) {
                self.bytes -= packet.size() + PACKET_COST;
            }
            if self.queue.is_empty() {
                self.queue = VecDeque::new();
            }
        }
    }

    /// Answers the poll that waits with nothing, where nothing else is to be said.
    pub(super) fn release(&mut self, dialect: &Socketio) {
        if self.is_polled() && self.queue.is_empty() {
            self.push_control(Control::Noop.encoded());
        }
        self.answer(dialect);
    }
}
