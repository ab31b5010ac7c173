#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod destination;
mod error;
mod event;
mod frame;
mod handshake;
mod limits;
mod link;
mod pending;
#[cfg(feature = "tls")]
mod tls;

pub use self::client::Client;
pub use self::destination::{ASKED_BYTES_MAX, DESTINATIONS_MAX, Destination, ID_BYTES_MAX};
pub use self::error::{
    AnswerError, Closed, ConnectError, ProtocolError, RegisterError, RequestError, SendError,
    TooManyDestinations,
};
pub use self::event::{Answer, Event, Events, Message, Request};
pub use self::handshake::Socket;
pub use self::limits::Limits;
