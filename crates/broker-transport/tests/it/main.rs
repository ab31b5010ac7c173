//! Tests of the transport through its public interface.

mod client;
mod peer;

mod ws_cuts;
mod ws_deflate;
mod ws_differences;
mod ws_tungstenite;
