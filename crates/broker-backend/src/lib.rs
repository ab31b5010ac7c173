#![doc = include_str!("../README.md")]
//!
//! # Its parts
//! [`Backend`] is all that the driver knows. One call of [`Backend::call`] is one try to tell what goes out together, an
//! event or several. [`Http`] does so by requests; [`Respond`] is a function, and [`InProcess`] runs [`Hooks`].

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
