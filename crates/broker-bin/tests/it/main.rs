//! The built binary, from outside: exit codes, what it prints, how it ends.

mod check;
mod process;
mod serve;
mod usage;
