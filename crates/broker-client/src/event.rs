//! What a client is told.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::{AnswerError, Closed, ProtocolError};
use crate::frame;
use crate::link::Link;

/// Something that has happened to a client, in the order of happening.
///
/// An id that was registered as something else than a string (a number, say) is given as its JSON text, by which it can be
/// reached, too.
#[derive(Debug)]
pub enum Event {
    /// The server has admitted the connection: the first event of all.
    Open,
    /// From now on this id is the client's, until somebody else registers it, which is not told.
    Registered {
        /// The id.
        id: String,
    },
    /// Somebody has sent a message.
    Message(Message),
    /// This id is the client's no more, as it has asked by [`Client::unregister`](crate::Client::unregister).
    Unregistered {
        /// The id.
        id: String,
    },
    /// The server said something that is not in the protocol, or that cannot be read; the connection goes on.
    Error(ProtocolError),
    /// The connection has ended: the last event of all.
    Close(Closed),
}

/// A message from another client, or from the application behind the server.
#[derive(Debug)]
pub struct Message {
    /// The message itself. Integers beyond 64 bits lose digits.
    pub message: Value,
    /// The sender's id; nothing where the server does not say, as for messages of the application behind it.
    pub from: Option<String>,
    /// The sender's wish for an answer; nothing where the message wants none.
    pub request: Option<Request>,
}

/// The wish for an answer that came with a message. Dropping it leaves the asker without an answer of this client. While it
/// is kept, so is the connection.
pub struct Request {
    pub(crate) ack: Value,
    pub(crate) link: Link,
}

impl fmt::Debug for Request {
    /// Without its id: programs write events to logs, and whoever knows the id can answer at npm `wsmsgbroker`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

impl Request {
    /// Answers. Of the answers of several clients the asker gets the first one; all are accepted without a word.
    ///
    /// Waits for room in the queue of what is to be written, and returns before it is written.
    ///
    /// # Errors
    /// When the message cannot be written as JSON, or the connection has ended.
    pub async fn answer(self, message: impl Serialize) -> Result<(), AnswerError> {
        let text = frame::answer(&self.ack, &message).map_err(AnswerError::NotJson)?;
        Ok(self.link.say(text).await?)
    }
}

/// The first answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The answer itself; null where the other client answered with nothing. Integers beyond 64 bits lose digits.
    pub message: Value,
    /// The id of who has answered; nothing where the server does not say, as npm `wsmsgbroker` for clients that have
    /// unregistered.
    pub from: Option<String>,
}

/// The events of a client: a stream that ends after [`Event::Close`].
///
/// **It has to be read or dropped.** At most [`Limits::queued_events_max`](crate::Limits::queued_events_max) events wait in it.
/// With one more the client stops reading its socket: answers do not come in any more, and a server that asks for signs of
/// life ends the connection after a while. Where it is dropped, events are passed over, and the client goes on to send and
/// to ask.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Event>,
    /// Whoever listens keeps the connection open.
    link: Link,
    is_over: bool,
}

impl Events {
    pub(crate) fn new(queue: mpsc::Receiver<Event>, link: Link) -> Events {
        Events {
            queue,
            link,
            is_over: false,
        }
    }

    /// Waits for the next event; nothing after [`Event::Close`]. No event is lost when the wait is given up.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        this.queue.poll_recv(cx).map(|event| match event {
            Some(event) => Some(event),
            None => {
                this.is_over = true;
                Some(Event::Close(this.link.closed()))
            }
        })
    }
}
