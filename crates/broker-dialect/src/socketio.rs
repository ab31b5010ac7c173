//! Socket.IO: what clients of the JavaScript library and its kin speak, over WebSockets and by polling.
//!
//! Two protocols lie on each other. [`engine`] is Engine.IO: packets, polling bodies, heartbeat and upgrade of one
//! session. [`encode`](mod@encode) writes what goes to clients, once for all receivers in a namespace.
//!
//! **Never here:** sockets, HTTP, queues, clocks.

mod attachments;
mod binary;
pub mod encode;
pub mod engine;
mod event;
mod fault;
mod packet;
mod settings;

pub use attachments::{AttachmentError, Reassembly};
pub use encode::EncodeError;
pub use event::{Args, Event, is_reserved};
pub use fault::Fault;
pub use packet::{Kind, Packet, PacketError};
pub use settings::{
    ATTACHMENTS_MAX, NAMESPACE_BYTES_MAX, NAMESPACES_MAX, PAYLOAD_PACKETS_MAX, Settings,
};
