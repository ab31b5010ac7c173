//! The application behind the broker: the Backend trait, over HTTP and in process.
