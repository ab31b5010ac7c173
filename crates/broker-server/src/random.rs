//! Randomness from the system.

/// Bytes that nobody can guess.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without a source of randomness no id can be given out safely, and no system that we run on lacks one.
    getrandom::fill(&mut bytes)
        .unwrap_or_else(|error| panic!("the system has no randomness: {error}"));
    bytes
}

/// A seed for hashing and jitter.
pub(crate) fn seed() -> u64 {
    u64::from_ne_bytes(bytes())
}
