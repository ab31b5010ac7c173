//! # An application in the broker's own process
//!
//! There is no HTTP backend: what happens is told to the hooks of `house.rs`, and what they ask for is carried out as the
//! answer of a backend would be, in each connection's order. The broker itself listens where it always does.
//!
//! `cargo run -p in-process-backend`

mod house;

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;

use broker_server::backend::InProcess;
use broker_server::config::Config;
use broker_server::{Handle, Server};

use self::house::House;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = start(Config::default())?;
    if let Some(addr) = broker.local_addr() {
        writeln!(io::stdout(), "ws://{addr}/?name=…")?;
    }
    tokio::signal::ctrl_c().await?;
    broker.drain().await;
    Ok(())
}

/// Starts a broker in front of the hooks. Programs of this machine may give commands.
fn start(mut config: Config) -> Result<Handle, Box<dyn Error>> {
    config.access.allow = vec!["127.0.0.1".parse()?];
    // Instead of `None`, an HTTP backend could stand behind the hooks, and be told of what they let pass.
    let hooks = InProcess::new(House::default(), None);
    Ok(Server::new(config, Arc::new(hooks)).start()?)
}

#[cfg(test)]
mod tests;
