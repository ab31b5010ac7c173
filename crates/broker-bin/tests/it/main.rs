//! The built binary, from outside: exit codes, what it prints, how it ends.

mod application;
mod backend;
mod broken_application;
mod broker;
mod check;
mod descriptors;
mod listeners;
mod log;
mod process;
mod serve;
mod tls;
mod usage;
