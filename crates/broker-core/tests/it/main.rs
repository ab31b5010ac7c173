//! `Broker` from outside: properties that any sequence of calls has to keep, and scenes that can be read.
//!
//! The properties draw [`steps`], perform them on a [`fleet`] of shards, and compare what was [`seen`] with a naive
//! [`model`], or with another fleet. `docs/testing.md` says how to run more cases than the default.

#![expect(clippy::unwrap_used, reason = "in a test it is a check like any other")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks at what it is about"
)]

mod call;
mod fleet;
mod model;
mod properties;
mod scene;
mod scenes;
mod seen;
mod steps;
mod town;
mod world;
