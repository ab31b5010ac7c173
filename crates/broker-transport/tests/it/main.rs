//! Tests of the transport through its public interface.

mod client;
mod ws_cuts;
mod ws_tungstenite;
