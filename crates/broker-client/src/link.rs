//! The task that reads and writes the socket of one client, and the handles to it.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use crate::error::{Closed, ProtocolError};
use crate::event::{Answer, Event, Events, Message, Request};
use crate::frame::{self, Heard};
use crate::handshake::Socket;
use crate::limits::Limits;
use crate::pending::Pending;

/// How many messages leave in one system call, if they are short.
const BATCH_MESSAGES: usize = 16;

type WebSocket = WebSocketStream<Box<dyn Socket>>;

/// What the task is asked to do, in this order.
#[derive(Debug)]
enum Command {
    /// Send a text.
    Say(String),
    /// Send a close frame, and nothing after it.
    Close,
}

/// A handle to the task. When the last one is gone, the task says goodbye and ends.
#[derive(Clone)]
pub(crate) struct Link(Arc<Ends>);

#[derive(Debug)]
struct Ends {
    commands: mpsc::Sender<Command>,
    /// True from the call of `close` on. When it is dropped, so are all handles.
    is_leaving: watch::Sender<bool>,
    pending: Arc<Pending>,
}

impl Link {
    /// Starts the task over a socket whose handshake is done; the first text is the one given.
    pub(crate) fn start(
        socket: WebSocket,
        greeting: String,
        pending: Pending,
        limits: &Limits,
    ) -> (Link, Events) {
        let room = |limit: usize| limit.clamp(1, Semaphore::MAX_PERMITS);
        let (sends, commands) = mpsc::channel(room(limits.queued_sends_max));
        let (events, queue) = mpsc::channel(room(limits.queued_events_max));
        // Both queues are empty and have room for one.
        let _ = sends.try_send(Command::Say(greeting));
        let _ = events.try_send(Event::Open);

        let (is_leaving, leaving) = watch::channel(false);
        let pending = Arc::new(pending);
        let link = Link(Arc::new(Ends {
            commands: sends,
            is_leaving,
            pending: Arc::clone(&pending),
        }));
        let task = Task {
            commands,
            leaving,
            reader: Reader {
                events,
                link: Arc::downgrade(&link.0),
                pending,
                close_timeout: limits.close_timeout,
            },
        };
        tokio::spawn(task.run(socket));
        let events = Events::new(queue, link.clone());
        (link, events)
    }

    /// Waits for room, and has the task send a text.
    pub(crate) async fn say(&self, text: String) -> Result<(), Closed> {
        // A connection that has ended may still wait for the end of its socket.
        if let Some(closed) = self.0.pending.closed() {
            return Err(closed);
        }
        if *self.0.is_leaving.borrow() {
            return Err(Closed::lost("the client is closing it"));
        }
        let sent = self.0.commands.send(Command::Say(text)).await;
        sent.map_err(|_| self.closed())
    }

    /// Says goodbye behind all that was sent, and waits for the end of the task.
    pub(crate) async fn leave(&self) {
        self.0.is_leaving.send_replace(true);
        // An error is what is waited for.
        let _ = self.0.commands.send(Command::Close).await;
        self.0.commands.closed().await;
    }

    pub(crate) fn pending(&self) -> &Arc<Pending> {
        &self.0.pending
    }

    /// How the connection has ended, asked by who knows that it has.
    pub(crate) fn closed(&self) -> Closed {
        let closed = self.0.pending.closed();
        closed.unwrap_or_else(abandoned)
    }
}

impl fmt::Debug for Link {
    /// Programs write events to logs, where the insides of a client are of no use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Task {
    commands: mpsc::Receiver<Command>,
    leaving: watch::Receiver<bool>,
    reader: Reader,
}

/// The part of the task that reads.
#[derive(Debug)]
struct Reader {
    events: mpsc::Sender<Event>,
    /// For requests that come in. It must not keep the connection open.
    link: Weak<Ends>,
    pending: Arc<Pending>,
    close_timeout: Duration,
}

impl Task {
    async fn run(mut self, socket: WebSocket) {
        let close_timeout = self.reader.close_timeout;
        let (sink, stream) = socket.split();
        let closed = tokio::select! {
            closed = self.reader.read_all(stream) => closed,
            closed = write_all(sink, &mut self.commands, close_timeout) => closed,
            closed = lose_patience(&mut self.leaving, close_timeout) => closed,
        };
        self.reader.pending.close(closed);
    }
}

impl Drop for Task {
    /// Also when the runtime is shut down, nobody shall wait for ever.
    fn drop(&mut self) {
        self.reader.pending.close(abandoned());
    }
}

impl Reader {
    /// Reads until the connection has ended, but no faster than events are taken.
    async fn read_all(&self, mut stream: SplitStream<WebSocket>) -> Closed {
        loop {
            let event = match stream.next().await {
                Some(Ok(Frame::Text(text))) => self.hear(text.as_str()),
                Some(Ok(Frame::Binary(_))) => Some(Event::Error(ProtocolError::Binary)),
                // The library sends the pongs.
                Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => None,
                Some(Ok(Frame::Close(frame))) => {
                    let closed = closed_by(frame);
                    self.pending.close(closed.clone());
                    // The library sends the reply when it is read on.
                    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
                    let _ = timeout(self.close_timeout, rest).await;
                    return closed;
                }
                Some(Err(error)) => return lost_by(&error),
                None => return Closed::lost("the server has ended the connection"),
            };
            if let Some(event) = event {
                // Nobody has to listen.
                let _ = self.events.send(event).await;
            }
        }
    }

    fn hear(&self, text: &str) -> Option<Event> {
        match frame::decode(text) {
            Ok(Heard::Registered { id }) => Some(Event::Registered { id }),
            Ok(Heard::Unregistered { id }) => Some(Event::Unregistered { id }),
            Ok(Heard::Message { message, from, ack }) => {
                let request = ack.and_then(|ack| {
                    let link = Link(self.link.upgrade()?);
                    Some(Request { ack, link })
                });
                Some(Event::Message(Message {
                    message,
                    from,
                    request,
                }))
            }
            Ok(Heard::Answer { ack, message, from }) => {
                self.answer(&ack, Ok(Answer { message, from }))
            }
            Err(ProtocolError::NotJson(error)) => match frame::unreadable_answer(text) {
                Some(ack) => self.answer(&ack, Err(error)),
                None => Some(Event::Error(ProtocolError::NotJson(error))),
            },
            Err(error) => Some(Event::Error(error)),
        }
    }

    /// Gives an answer to its request; there is an event if there never was one.
    fn answer(&self, ack: &str, answer: serde_json::Result<Answer>) -> Option<Event> {
        let answered = self.pending.answer(ack, answer);
        let ack = frame::quoted(ack);
        let error = ProtocolError::NeverAsked { ack };
        answered.err().map(|_| Event::Error(error))
    }
}

/// Writes until there is nothing more to be said.
async fn write_all(
    mut sink: SplitSink<WebSocket, Frame>,
    commands: &mut mpsc::Receiver<Command>,
    close_timeout: Duration,
) -> Closed {
    let written = write_commands(&mut sink, commands).await;
    // The server's word on the end is worth more than ours, so that the reader gets its time.
    sleep(close_timeout).await;
    match written {
        Ok(()) => unanswered(),
        Err(error) => lost_by(&error),
    }
}

async fn write_commands(
    sink: &mut SplitSink<WebSocket, Frame>,
    commands: &mut mpsc::Receiver<Command>,
) -> Result<(), Error> {
    let goodbye = || {
        Frame::Close(Some(CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        }))
    };
    let mut batch = Vec::with_capacity(BATCH_MESSAGES);
    while commands.recv_many(&mut batch, BATCH_MESSAGES).await > 0 {
        for command in batch.drain(..) {
            match command {
                Command::Say(text) => sink.feed(Frame::text(text)).await?,
                Command::Close => return sink.send(goodbye()).await,
            }
        }
        sink.flush().await?;
    }
    sink.send(goodbye()).await
}

/// Bounds a goodbye, also before a server that takes nothing, and in front of events that nobody reads.
async fn lose_patience(leaving: &mut watch::Receiver<bool>, close_timeout: Duration) -> Closed {
    // Either somebody has called `close`, or all handles are gone.
    let _ = leaving.wait_for(|is_leaving| *is_leaving).await;
    sleep(close_timeout).await;
    unanswered()
}

/// The task is gone without a word.
fn abandoned() -> Closed {
    Closed::lost("the runtime of the client was shut down")
}

fn unanswered() -> Closed {
    Closed::lost("the server has not answered the close frame in time")
}

fn closed_by(frame: Option<CloseFrame>) -> Closed {
    match frame {
        Some(frame) => Closed {
            code: frame.code.into(),
            reason: frame.reason.as_str().to_owned(),
        },
        None => Closed {
            code: 1005,
            reason: String::new(),
        },
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the library's many errors few concern a running connection, and all others say enough by themselves"
)]
fn lost_by(error: &Error) -> Closed {
    match error {
        Error::Io(error) => Closed::lost(error.to_string()),
        Error::Capacity(_) => {
            Closed::lost("a message of the server is longer than Limits::message_bytes_max")
        }
        error => Closed::lost(error.to_string()),
    }
}
