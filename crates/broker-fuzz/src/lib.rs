//! What is asked of any bytes that come from outside, as functions that panic when it does not hold.
//!
//! Each [`Target`] is fed by two: cargo-fuzz, which looks for new inputs (`fuzz/` at the root, `cargo xtask fuzz`), and
//! an ordinary test, which feeds every input that was ever kept (`fuzz/corpus/`). **Nothing here draws anything at
//! random**, so that an input does the same in both.

mod answers;
mod commands;
mod config;
mod frames;
mod handshake;
mod socketio;
mod told;
mod wsbroker;
mod wsmsgbroker;

/// A kind of input, and what must hold for any of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its folder in the corpus, and of the program that cargo-fuzz runs.
    pub name: &'static str,
    /// Feeds it one input.
    ///
    /// # Panics
    /// When something does not hold that should hold for any input.
    pub feed: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    FRAMES,
    HANDSHAKE,
    WSBROKER,
    WSMSGBROKER,
    SOCKETIO,
    COMMANDS,
    ANSWERS,
    CONFIG,
];

/// A client's bytes after the handshake. Where they are cut has no say in what is heard, and what is wrong is answered
/// by a close frame that may be sent.
pub const FRAMES: Target = Target {
    name: "frames",
    feed: frames::feed,
};

/// The head of a request. What is accepted another implementation accepts too, with the same proof of the key.
pub const HANDSHAKE: Target = Target {
    name: "handshake",
    feed: handshake::feed,
};

/// A client's message in the dialect `wsbroker`. What the backend is told is JSON, and an object's one type begins with
/// `client-`, whatever the client writes.
pub const WSBROKER: Target = Target {
    name: "wsbroker",
    feed: wsbroker::feed,
};

/// What two clients say in the dialect `wsmsgbroker`. Neither can pass for the broker or for the other, each hears what its
/// library knows, and what is asked ends once.
pub const WSMSGBROKER: Target = Target {
    name: "wsmsgbroker",
    feed: wsmsgbroker::feed,
};

/// What a client of Socket.IO sends, by a WebSocket and by polling, cut into bodies anywhere. It comes to the same, within
/// the limits, and what the backend says again is heard as it was said.
pub const SOCKETIO: Target = Target {
    name: "socketio",
    feed: socketio::feed,
};

/// A body at the command doors. Each command has its receipt and its result, and both are JSON.
pub const COMMANDS: Target = Target {
    name: "commands",
    feed: commands::feed,
};

/// The backend's answer to an event. Its commands end, and the session's next event comes after them.
pub const ANSWERS: Target = Target {
    name: "answers",
    feed: answers::feed,
};

/// A configuration file. It is good, or what is wrong with it is said.
pub const CONFIG: Target = Target {
    name: "config",
    feed: config::feed,
};
