//! Claims about where settings come from: a file, variables and flags go in,
//! the effective settings or everything that is wrong comes out.

mod files;
mod layers;
mod problems;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use broker_server::config::{Config, Cookies, DialectKind};
use clap::Parser;
use expect_test::Expect;

use super::{Sources, load};
use crate::cli::{Cli, Command};

/// A directory of the test's own, gone when the test is.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wsbroker-settings-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the directory is ours");
    }
}

/// Reads `file` (as the one that is found, if there is one), variables written
/// `NAME=value`, and flags.
fn outcome(file: Option<&[u8]>, variables: &[&str], typed: &[&str]) -> String {
    let directory = Directory::new();
    let found = directory.0.join("wsbroker.toml");
    if let Some(content) = file {
        directory.write("wsbroker.toml", content);
    }
    outcome_in(&directory, &[&found], variables, typed)
}

fn outcome_in(
    directory: &Directory,
    search: &[&Path],
    variables: &[&str],
    typed: &[&str],
) -> String {
    let place = directory.0.display().to_string();
    let typed = typed.iter().map(|flag| flag.replace("DIR", &place));
    let arguments = std::iter::once("wsbroker".to_owned()).chain(typed);
    let (command, global) = Cli::try_parse_from(arguments)
        .and_then(Cli::into_command)
        .expect("the flags are well-formed");
    let Command::Serve(flags) = command else {
        panic!("`serve` is the default")
    };
    let environment = variables
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (OsString::from(name), value.replace("DIR", &place).into()))
        .collect();
    let sources = Sources {
        flags: &flags,
        level: global.level(),
        environment,
        search,
    };
    let text = match load(&sources) {
        Ok(settings) => {
            let mut lines = changed(&settings.config);
            for warning in settings.warnings {
                writeln!(lines, "warning: {warning}").expect("a String takes every line");
            }
            lines
        }
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect(),
    };
    let dialects = DialectKind::ALL.map(DialectKind::name).join(", ");
    text.replace(&format!("{place}/"), "")
        .replace(&place, "DIR")
        .replace(&dialects, "DIALECTS")
}

/// The settings that differ from the defaults.
fn changed(config: &Config) -> String {
    let (ours, defaults) = (shown(config), shown(&Config::default()));
    ours.into_iter()
        .zip(defaults)
        .filter(|(our, default)| our != default)
        .map(|(our, _)| our + "\n")
        .collect()
}

fn shown(config: &Config) -> Vec<String> {
    let endpoints: Vec<String> = config
        .endpoints
        .iter()
        .map(|endpoint| {
            format!(
                "{}={} {}",
                endpoint.path,
                endpoint.dialect,
                endpoint.binary.name()
            )
        })
        .collect();
    let join = |rules: &[String]| rules.join(" ");
    let allow: Vec<String> = config
        .access
        .allow
        .iter()
        .map(ToString::to_string)
        .collect();
    let origins: Vec<String> = config
        .access
        .origins
        .iter()
        .map(ToString::to_string)
        .collect();
    let passed: Vec<String> = config
        .backend
        .headers
        .iter()
        .map(ToString::to_string)
        .collect();
    let admin = config.listen.admin.as_ref();
    let cookies = match &config.session.cookies {
        Cookies::All => "all".to_owned(),
        Cookies::None => "none".to_owned(),
        Cookies::Named(names) => names.join(" "),
    };
    vec![
        format!("public {}", config.listen.public),
        format!(
            "admin {}",
            admin.map_or("off".to_owned(), ToString::to_string)
        ),
        format!("shards {}", config.listen.shards.map_or(0, u32::from)),
        format!("endpoints {}", join(&endpoints)),
        format!("backend {}", config.backend.url),
        format!("format {}", config.backend.format),
        format!("backend timeout {}", config.backend.timeout),
        format!("signed {}", config.backend.secret.is_some()),
        format!("passed on {}", join(&passed)),
        format!(
            "in flight {}",
            config.backend.max_in_flight.map_or(0, u32::from)
        ),
        format!(
            "hold {} {}",
            config.backend.hold.max_events, config.backend.hold.max_bytes
        ),
        format!("allow {}", join(&allow)),
        format!("origins {}", join(&origins)),
        format!("tokens {}", config.access.tokens.len()),
        format!("max message {}", config.limits.max_message),
        format!("ping {:?}", config.websocket.ping_interval),
        format!("cookies {cookies}"),
        format!("log {} {}", config.log.level, config.log.format),
    ]
}

fn check(file: &str, variables: &[&str], typed: &[&str], expected: Expect) {
    expected.assert_eq(&outcome(Some(file.as_bytes()), variables, typed));
}

fn check_without_file(variables: &[&str], typed: &[&str], expected: Expect) {
    expected.assert_eq(&outcome(None, variables, typed));
}
