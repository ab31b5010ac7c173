//! Socket.IO: what clients of the JavaScript library and its kin speak, over WebSockets and by polling.
//!
//! Two protocols lie on each other. [`engine`] is Engine.IO: packets, polling bodies, heartbeat and upgrade of one
//! session. Upon it [`Connection`] is Socket.IO: a connection is in namespaces, and in each it emits events, which may
//! carry bytes and ask for an acknowledgement. [`encode`](mod@encode) writes what goes to clients, once for all
//! receivers in a namespace.
//!
//! Protocol 5 over Engine.IO 4 is spoken with clients from 3.x on. Where [`Settings::allow_eio3`] is set, clients 1.x
//! and 2.x are served too, by what Engine.IO 3 carries.
//!
//! ```
//! use std::sync::Arc;
//!
//! use broker_core::Timestamp;
//! use broker_dialect::Incoming;
//! use broker_dialect::socketio::engine::{Revision, Transport};
//! use broker_dialect::socketio::{Action, Connection, NamespaceIndex, Settings};
//!
//! let now = Timestamp(1_700_000_000_000);
//! let settings = Arc::new(Settings::default());
//! let mut connection =
//!     Connection::open(now, Revision::Four, Transport::WebSocket, settings, &mut |_| {});
//!
//! connection.receive(now, Incoming::Text("40"), &mut |action| {
//!     assert!(matches!(action, Action::Enter { name: "/", .. }));
//! });
//! let reply = connection.entered(NamespaceIndex(0), "wskey").expect("the client waits");
//! assert_eq!(&reply.text_packet()[..], br#"40{"sid":"wskey"}"#);
//!
//! connection.receive(now, Incoming::Text(r#"42["say","hello",1.0]"#), &mut |action| match action {
//!     Action::Event { event, .. } => {
//!         assert_eq!(event.to_message(), r#"{"type":"say","args":["hello",1.0]}"#);
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
pub mod encode;
pub mod engine;
mod event;
mod fault;
mod namespaces;
mod packet;
mod query;
mod settings;

pub use attachments::{AttachmentError, Reassembly};
pub use connection::{Action, Connection};
pub use dialect::{AWAITED_ACKS_MAX, Socketio};
pub use encode::EncodeError;
pub use event::{Args, Event, is_reserved};
pub use fault::Fault;
pub use namespaces::NamespaceIndex;
pub use packet::{Kind, Packet, PacketError};
pub use settings::{
    ATTACHMENTS_MAX, NAMESPACE_BYTES_MAX, NAMESPACES_MAX, PAYLOAD_PACKETS_MAX, Settings,
};
