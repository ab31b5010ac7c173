//! Client-facing wire protocols: bytes to and from the vocabulary of broker-core.
