//! Socket.IO: what clients of the JavaScript library and its kin speak, over WebSockets and by polling.
//!
//! Two protocols lie on each other. [`engine`] is Engine.IO: packets, polling bodies, heartbeat and upgrade of one
//! session. Upon it `connection` is Socket.IO: a connection is in namespaces, and in each it emits events, which may
//! carry bytes and ask for an acknowledgement. `encode` writes what goes to clients, once for all receivers in a
//! namespace. [`Socketio`] is both, as the dialect.
//!
//! Protocol 5 over Engine.IO 4 is spoken with clients from 3.x on. Where [`Settings::allow_eio3`] is set, clients 1.x
//! and 2.x are served too, by what Engine.IO 3 carries.
//!
//! ```
//! use broker_core::{SessionId, Timestamp};
//! use broker_dialect::socketio::{NamespaceIndex, Socketio};
//! use broker_dialect::{Action, Dialect, Incoming, Options, Start};
//!
//! let now = Timestamp(1_700_000_000_000);
//! let (id, options) = (SessionId::new(0, [1; 14]), Options::default());
//! let mut client = Socketio::open(&Start::new(now, id, &options), &mut |_| {});
//!
//! client.receive(now, Incoming::Text("40"), &mut |action| {
//!     assert!(matches!(action, Action::Enter { name, .. } if &*name == "/"));
//! });
//! assert!(client.entered(NamespaceIndex(0), id).is_some(), "the client waits");
//!
//! client.receive(now, Incoming::Text(r#"42["say","hello",1.0]"#), &mut |action| match action {
//!     Action::Say { message, .. } => {
//!         assert_eq!(message.text(), r#"{"type":"say","args":["hello",1.0]}"#);
//!     }
//!     other => unreachable!("{other:?}"),
//! });
//! ```
//!
//! **Never here:** sockets, HTTP, queues, clocks; who may enter a namespace, which the broker decides; rooms, which are
//! criteria over sessions.

mod attachments;
mod binary;
mod connection;
mod dialect;
mod encode;
pub mod engine;
mod event;
mod fault;
mod namespaces;
mod packet;
mod query;
mod settings;

use attachments::AttachmentError;
use connection::Connection;
use encode::EncodeError;
use fault::Fault;
use packet::PacketError;

pub use dialect::{AWAITED_ACKS_MAX, Socketio};
pub use namespaces::NamespaceIndex;
pub use settings::{
    ATTACHMENTS_MAX, NAMESPACE_BYTES_MAX, NAMESPACES_MAX, PAYLOAD_PACKETS_MAX, Settings,
};
