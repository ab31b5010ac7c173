//! Test client, scripted backend, transcript runner, contract suites.
