//! The driver: shards, mailboxes, effects, the doors for commands, the embedding API.

pub mod config;
