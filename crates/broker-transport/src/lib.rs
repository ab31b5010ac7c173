//! Sockets: accept, HTTP, handshake, WebSocket frames, outbound queues.
