//! Test client, scripted backend, transcript runner, contract suites.

pub mod transcript;
