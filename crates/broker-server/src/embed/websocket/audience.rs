//! Whoever hears what happens on a WebSocket.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use broker_core::close_code;
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::WebSocket;
use super::event::{Closed, Error, Event};

/// How many events wait for whoever hears them before the peer is not read any more.
pub const EVENTS_QUEUED: usize = 32;

/// Functions for what happens on a WebSocket, one for each kind of [`Event`]; any may be left out. They are called one
/// after the other, on the task that serves the WebSocket, so they must not block.
///
/// A panic in one closes the connection with 1011, and none of them is called any more.
#[derive(Default)]
pub struct Handlers {
    text: Handler<String>,
    binary: Handler<Bytes>,
    ping: Handler<Bytes>,
    pong: Handler<Duration>,
    error: Handler<Error>,
    close: Handler<Closed>,
}

type Handler<What> = Option<Box<dyn FnMut(&WebSocket, What) + Send>>;

impl Handlers {
    /// None yet.
    #[must_use]
    pub fn new() -> Handlers {
        Handlers::default()
    }

    /// For [`Event::Text`].
    #[must_use]
    pub fn on_text(mut self, handler: impl FnMut(&WebSocket, String) + Send + 'static) -> Handlers {
        self.text = Some(Box::new(handler));
        self
    }

    /// For [`Event::Binary`].
    #[must_use]
    pub fn on_binary(
        mut self,
        handler: impl FnMut(&WebSocket, Bytes) + Send + 'static,
    ) -> Handlers {
        self.binary = Some(Box::new(handler));
        self
    }

    /// For [`Event::Ping`], which has been answered.
    #[must_use]
    pub fn on_ping(mut self, handler: impl FnMut(&WebSocket, Bytes) + Send + 'static) -> Handlers {
        self.ping = Some(Box::new(handler));
        self
    }

    /// For [`Event::Pong`]: the round-trip time of a ping of ours.
    #[must_use]
    pub fn on_pong(
        mut self,
        handler: impl FnMut(&WebSocket, Duration) + Send + 'static,
    ) -> Handlers {
        self.pong = Some(Box::new(handler));
        self
    }

    /// For [`Event::Error`].
    #[must_use]
    pub fn on_error(mut self, handler: impl FnMut(&WebSocket, Error) + Send + 'static) -> Handlers {
        self.error = Some(Box::new(handler));
        self
    }

    /// For [`Event::Close`].
    #[must_use]
    pub fn on_close(
        mut self,
        handler: impl FnMut(&WebSocket, Closed) + Send + 'static,
    ) -> Handlers {
        self.close = Some(Box::new(handler));
        self
    }

    fn hear(&mut self, websocket: &WebSocket, event: Event) {
        fn tell<What>(handler: &mut Handler<What>, websocket: &WebSocket, what: What) {
            if let Some(handler) = handler {
                handler(websocket, what);
            }
        }
        match event {
            Event::Text(text) => tell(&mut self.text, websocket, text),
            Event::Binary(bytes) => tell(&mut self.binary, websocket, bytes),
            Event::Ping(payload) => tell(&mut self.ping, websocket, payload),
            Event::Pong(round_trip) => tell(&mut self.pong, websocket, round_trip),
            Event::Error(error) => tell(&mut self.error, websocket, error),
            Event::Close(closed) => tell(&mut self.close, websocket, closed),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}

/// What happens on a WebSocket, in order: a stream that ends after [`Event::Close`]. [`EVENTS_QUEUED`] events wait at most.
/// Dropping it closes the connection with 1001, if that has not ended before.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
}

impl Events {
    pub(super) fn new(receiver: mpsc::Receiver<Event>) -> Events {
        Events { receiver }
    }

    /// Waits for the next event; `None` after [`Event::Close`]. It can be given up and waited for again, and nothing is
    /// missed.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().receiver.poll_recv(cx)
    }
}

/// Who hears a WebSocket.
#[derive(Debug)]
pub(super) enum Audience {
    Handlers(Handlers),
    Queue(mpsc::Sender<Event>),
    /// Those who were there have gone.
    Nobody,
}

impl Audience {
    /// Tells of an event, which is taken away once it has been told. Waits while there is no room for it; meanwhile the
    /// peer is not blamed for what is not read.
    pub(super) async fn hear(&mut self, websocket: &WebSocket, event: &mut Option<Event>) {
        let is_there = match self {
            Audience::Handlers(handlers) => {
                let Some(event) = event.take() else { return };
                let told = catch_unwind(AssertUnwindSafe(|| handlers.hear(websocket, event)));
                if told.is_err() {
                    tracing::error!(event = "trouble", "a handler of a WebSocket has panicked");
                    websocket
                        .shared
                        .close(close_code::INTERNAL_ERROR, "a fault of the application");
                }
                told.is_ok()
            }
            Audience::Queue(queue) => {
                let place = match queue.try_reserve() {
                    Err(TrySendError::Full(())) => {
                        websocket.shared.pause();
                        let place = queue.reserve().await;
                        websocket.shared.resume();
                        place.ok()
                    }
                    place => place.ok(),
                };
                let is_there = place.is_some();
                if let (Some(place), Some(event)) = (place, event.take()) {
                    place.send(event);
                }
                is_there
            }
            Audience::Nobody => {
                *event = None;
                true
            }
        };
        if !is_there {
            *self = Audience::Nobody;
        }
    }

    /// Waits until nobody is there to hear anything; for ever where there are handlers.
    pub(super) fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let queue = match self {
            Audience::Queue(queue) => Some(queue.clone()),
            Audience::Handlers(_) | Audience::Nobody => None,
        };
        async move {
            match queue {
                Some(queue) => queue.closed().await,
                None => std::future::pending().await,
            }
        }
    }
}
