//! The pure, synchronous state machine of one shard of wsbroker.
