//! Sockets: accept, HTTP, handshake, WebSocket frames, outbound queues.

pub mod ws;
