//! A connected client.

use std::future::ready;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::to_raw_value;
use tokio::time::timeout;

use crate::destination::{ASKED_BYTES_MAX, Destination, ID_BYTES_MAX};
use crate::error::{Closed, ConnectError, RegisterError, RequestError, SendError};
use crate::event::{Answer, Events};
use crate::frame;
use crate::handshake::{Address, Socket, handshake};
use crate::limits::Limits;
use crate::link::Link;
use crate::pending::Pending;

/// A connected client. Clones are the same client.
///
/// - To connect: [`connect`](Client::connect), [`connect_with`](Client::connect_with), [`connect_over`](Client::connect_over).
/// - To speak: [`send`](Client::send), [`request`](Client::request). To answer there is
///   [`Request::answer`](crate::Request::answer).
/// - To be reached: [`register`](Client::register), [`unregister`](Client::unregister).
/// - To leave: [`close`](Client::close).
///
/// All of them wait for room in a bounded queue, and return before the words are written: whether they arrive is told by
/// answers alone. What was sent by one task is written in that order. The connection is also closed when all clones, the
/// [`Events`] and all unanswered [`Request`](crate::Request)s are dropped.
#[derive(Clone, Debug)]
pub struct Client {
    link: Link,
}

impl Client {
    /// Connects to a server, `ws://HOST[:PORT][/PATH]` or, with the feature `tls`, `wss://…`, and asks it to register the id.
    ///
    /// It returns when the connection is open. That others can reach it is told by
    /// [`Event::Registered`](crate::Event::Registered).
    ///
    /// It has to be called within a Tokio runtime with I/O and time, which then runs a task for the client.
    ///
    /// # Errors
    /// When the id is empty or longer than [`ID_BYTES_MAX`], there is no such server, or it does not admit the client.
    pub async fn connect(
        id: impl Into<String>,
        url: &str,
    ) -> Result<(Client, Events), ConnectError> {
        Client::connect_with(id, url, Limits::default()).await
    }

    /// The same with limits of the caller's.
    ///
    /// # Errors
    /// As [`connect`](Client::connect).
    pub async fn connect_with(
        id: impl Into<String>,
        url: &str,
        limits: Limits,
    ) -> Result<(Client, Events), ConnectError> {
        let address = Address::parse(url)?;
        Client::open(id.into(), &address, address.connect(), limits).await
    }

    /// The same over a stream of the caller's that leads to the server: a Unix socket, or TLS with other authorities. The
    /// address serves for the path and the name in the handshake alone.
    ///
    /// # Errors
    /// As [`connect`](Client::connect).
    pub async fn connect_over(
        stream: impl Socket + 'static,
        id: impl Into<String>,
        url: &str,
        limits: Limits,
    ) -> Result<(Client, Events), ConnectError> {
        let address = Address::parse(url)?;
        let stream: Box<dyn Socket> = Box::new(stream);
        Client::open(id.into(), &address, ready(Ok(stream)), limits).await
    }

    async fn open(
        id: String,
        address: &Address,
        stream: impl Future<Output = Result<Box<dyn Socket>, ConnectError>>,
        limits: Limits,
    ) -> Result<(Client, Events), ConnectError> {
        if id.is_empty() {
            return Err(ConnectError::EmptyId);
        }
        if id.len() > ID_BYTES_MAX {
            return Err(ConnectError::LongId);
        }
        let pending = Pending::new(limits.pending_requests_max)
            .map_err(|error| ConnectError::NoRandomness(error.to_string()))?;
        let opening = async { handshake(address, stream.await?, &limits).await };
        let socket = timeout(limits.handshake_timeout, opening)
            .await
            .map_err(|_| ConnectError::TimedOut(limits.handshake_timeout))??;
        let (link, events) = Link::start(socket, frame::register(&id), pending, &limits);
        Ok((Client { link }, events))
    }

    /// Sends a message to one client or to several, without a wish for an answer.
    ///
    /// A server ends a connection whose message is longer than it takes: wsbroker with 1009, beyond its `limits.max_message`
    /// of 1 MiB if nothing else is configured.
    ///
    /// # Errors
    /// When the message cannot be written as JSON or is for more than [`DESTINATIONS_MAX`](crate::DESTINATIONS_MAX) ids, or the
    /// connection has ended.
    pub async fn send(
        &self,
        dest: impl Into<Destination>,
        message: impl Serialize,
    ) -> Result<(), SendError> {
        let dest = dest.into();
        dest.count()?;
        let text = frame::send(&dest, &message, None).map_err(SendError::NotJson)?;
        Ok(self.link.say(text).await?)
    }

    /// Sends a message to one client or to several, and waits for the first answer; further answers are passed over.
    ///
    /// The time is counted from the call on, and [`Duration::MAX`] is for ever. Servers forget requests after an hour. When
    /// the wait is given up by dropping it, nothing of the request remains; its message may have been sent.
    ///
    /// # Errors
    /// When the message cannot be written as JSON, is for more than [`DESTINATIONS_MAX`](crate::DESTINATIONS_MAX) ids or too
    /// long for so many ([`ASKED_BYTES_MAX`]), too many requests wait already, nobody has answered in time, the answer cannot be
    /// read, or the connection has ended. That nobody has the id is not told by servers: it is a time that is up.
    pub async fn request(
        &self,
        dest: impl Into<Destination>,
        message: impl Serialize,
        time: Duration,
    ) -> Result<Answer, RequestError> {
        let dest = dest.into();
        let count = dest.count()?;
        let message = to_raw_value(&message).map_err(RequestError::NotJson)?;
        let bytes = message.get().len();
        if count > 1 && bytes.saturating_mul(count) > ASKED_BYTES_MAX {
            return Err(RequestError::TooLong { bytes, count });
        }
        let waiting = self.link.pending().ask()?;
        let text =
            frame::send(&dest, &message, Some(waiting.ack())).map_err(RequestError::NotJson)?;
        let exchange = async {
            self.link.say(text).await?;
            waiting.answer().await.ok_or_else(|| self.link.closed())
        };
        match timeout(time, exchange).await {
            Ok(answer) => answer?.map_err(RequestError::Unreadable),
            Err(_) => Err(RequestError::TimedOut(time)),
        }
    }

    /// Asks to be reached by a further id; [`Event::Registered`](crate::Event::Registered) follows. Who has had the id loses
    /// it, and is not told so. With wsbroker a client has 1024 ids at most; one more is passed over without a word.
    ///
    /// # Errors
    /// When the id is empty or longer than [`ID_BYTES_MAX`], or the connection has ended.
    pub async fn register(&self, id: &str) -> Result<(), RegisterError> {
        if id.is_empty() {
            return Err(RegisterError::EmptyId);
        }
        if id.len() > ID_BYTES_MAX {
            return Err(RegisterError::LongId);
        }
        Ok(self.link.say(frame::register(id)).await?)
    }

    /// Lets go of the id that was registered last, and of no other; [`Event::Unregistered`](crate::Event::Unregistered) follows.
    /// Where somebody else has it by now, they keep it, and nothing follows. The connection stays open.
    ///
    /// npm `wsmsgbroker` takes it from them too, and from then on gives this client no answers.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn unregister(&self) -> Result<(), Closed> {
        self.link.say(frame::unregister()).await
    }

    /// Closes the connection for all clones, behind what was sent before, and waits until it has ended, which takes no longer
    /// than [`Limits::close_timeout`]. Events that came before can still be read.
    pub async fn close(&self) {
        self.link.leave().await;
    }
}
