//! The command line: what can be typed, and nothing of what it does.

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

use broker_server::config::{BackendFormat, BackendTarget, Endpoint, IpRule, ListenAddr, LogLevel};
use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// Holds WebSocket clients, tells an HTTP backend what they do, obeys its commands.
#[derive(Debug, Parser)]
#[command(name = "wsbroker", version, subcommand_help_heading = "Commands")]
#[command(
    after_help = "Without a command, `serve`. Without a configuration file, --backend, \
                        --endpoint or --allow, the built-in demo."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the broker (the default).
    Serve(Flags),
    /// Read the configuration, say what is wrong with it, ask whether the backend is up.
    Check(Flags),
    /// Show the version.
    Version,
}

/// What goes before the environment and the configuration file.
///
/// The values stay texts, since they join those of the environment and the
/// file; but each has been parsed once, so that a wrong one is a usage error.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Configuration file [default: ./wsbroker.toml, /etc/wsbroker/wsbroker.toml].
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where clients connect: IP:PORT or unix:PATH [default: 127.0.0.1:4080].
    #[arg(long, value_name = "ADDR", value_parser = spelled::<ListenAddr>)]
    pub(crate) listen: Option<String>,
    /// Where operators connect [default: 127.0.0.1:4081].
    #[arg(long, value_name = "ADDR|off", value_parser = address_or_off)]
    pub(crate) admin: Option<String>,
    /// The application: an http:// or https:// URL, the built-in demo, or none.
    // Not parsed by clap, which repeats what is wrong, with its password.
    #[arg(long, value_name = "URL|demo|none")]
    pub(crate) backend: Option<String>,
    /// How events are written: multipart, form or json [default: multipart].
    #[arg(long, value_name = "FORMAT", value_parser = spelled::<BackendFormat>)]
    pub(crate) backend_format: Option<String>,
    /// Who may POST commands to the public listener; may be repeated.
    #[arg(long, value_name = "IP|CIDR", value_parser = spelled::<IpRule>)]
    pub(crate) allow: Vec<String>,
    /// What is spoken where, such as '/chat=wsbroker'; may be repeated, replaces the configured list.
    #[arg(long, value_name = "PATH=DIALECT", value_parser = spelled::<Endpoint>)]
    pub(crate) endpoint: Vec<String>,
    /// Threads that serve connections; 0 is one per core.
    #[arg(long, value_name = "N")]
    pub(crate) shards: Option<u32>,
    /// Listen beyond loopback without an origin rule and an admin token.
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// What every command takes, before or behind its name.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Log trouble only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log every message; -vv their bodies too.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On terminals.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Cli {
    /// Splits what was typed into the command with its flags and the rest.
    ///
    /// # Errors
    /// `--backend` is none, or flags of `serve` stand before the name of a
    /// command, where they would be of no effect.
    pub(crate) fn into_command(self) -> Result<(Command, Global), clap::Error> {
        let wrong = |kind, message| Err(Self::command().error(kind, message));
        let command = match self.command {
            None => Command::Serve(self.flags),
            Some(command) if self.flags == Flags::default() => command,
            Some(_) => {
                let message = "these flags belong behind the name of the command".to_owned();
                return wrong(ErrorKind::ArgumentConflict, message);
            }
        };
        let backend = match &command {
            Command::Serve(flags) | Command::Check(flags) => flags.backend.as_deref(),
            Command::Version => None,
        };
        if let Some(Err(error)) = backend.map(str::parse::<BackendTarget>) {
            let message = format!("invalid value for '--backend <URL|demo|none>': {error}");
            return wrong(ErrorKind::ValueValidation, message);
        }
        Ok((command, self.global))
    }
}

impl Global {
    /// The log level that was asked for, and the flag that did.
    pub(crate) fn level(&self) -> Option<(LogLevel, &'static str)> {
        match (self.quiet, self.verbose) {
            (true, _) => Some((LogLevel::Warn, "-q")),
            (false, 0) => None,
            (false, 1) => Some((LogLevel::Debug, "-v")),
            (false, _) => Some((LogLevel::Trace, "-vv")),
        }
    }
}

/// Takes a text that `T` can be read from, as it was typed.
fn spelled<T>(text: &str) -> Result<String, T::Err>
where
    T: FromStr,
    T::Err: Error,
{
    text.parse::<T>().map(|_| text.to_owned())
}

fn address_or_off(text: &str) -> Result<String, <ListenAddr as FromStr>::Err> {
    match text {
        "off" => Ok(text.to_owned()),
        _ => spelled::<ListenAddr>(text),
    }
}
