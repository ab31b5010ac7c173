//! Engine.IO, which carries Socket.IO: packets, polling bodies, and one connection's session over either transport.
//!
//! Protocol 4 is what clients from 3.x on speak, protocol 3 is that of clients 1.x and 2.x. They differ in who pings, in
//! how binary messages are marked, and in the form of polling bodies.

mod encoded;
mod packet;
pub mod payload;
mod request;
mod session;

pub(crate) use encoded::MESSAGE_BYTE;
pub use encoded::{Control, Encoded};
pub(crate) use packet::{Packet, PacketError};
pub use request::{Request, RequestError};
pub(crate) use session::{Due, Reaction, Session};
pub use session::{Probe, UpgradeError};

/// The protocol of an Engine.IO connection: what the query parameter `EIO` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// Protocol 3: clients 1.x and 2.x. The client pings.
    Three,
    /// Protocol 4: clients from 3.x on. The server pings.
    Four,
}

impl Revision {
    /// Reads the value of `EIO`. As in the original, whatever is not `4` counts as 3, also where there is none; `None` where
    /// that is not allowed.
    fn of_query(eio: Option<&str>, allow_eio3: bool) -> Option<Revision> {
        match eio {
            Some("4") => Some(Revision::Four),
            _ => allow_eio3.then_some(Revision::Three),
        }
    }
}

/// How the bytes of a connection travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// A WebSocket.
    WebSocket,
}
