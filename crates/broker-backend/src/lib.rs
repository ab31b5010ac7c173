//! The application behind the broker: what the driver asks of it, over HTTP or in process.
//!
//! [`Backend`] is all that the driver knows. One call of [`Backend::call`] is one try to tell what goes out together, an event
//! or several; which event
//! goes when, what is tried again and when it is given up is decided by `broker-core`.
//!
//! **A backend never retries** (but for the one case described at [`Backend::call`]), **never reorders, never holds an
//! event back, and never sees a client's socket.**

#![forbid(unsafe_code)]

mod answer;
mod backend;
mod control;
mod http;
mod in_process;

pub use answer::{Answer, CommandStream, Commands, Greeting, Page, Unanswered};
pub use backend::{Backend, Caller, WantedHeaders};
pub use control::Control;
pub use http::{
    Authorities, AuthoritiesError, Format, Http, HttpConfig, HttpUrl, PassedHeader,
    PassedHeaderError, Secret, SecretError, UrlError,
};
pub use in_process::{
    AskError, Connection, Hooks, InProcess, MessageOnward, Onward, Reply, Respond,
};
