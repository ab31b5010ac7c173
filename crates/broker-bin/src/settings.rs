//! The configuration out of its four sources: flags go before the environment,
//! the environment before the file, the file before the defaults.
//!
//! Every value keeps where it came from, so that what is wrong with it can be
//! said with the file's line and column, or the name of the variable or flag.
//! What is wrong is collected, not only the first of it.

mod environment;
mod file;
mod flags;
mod names;
mod origin;
mod tree;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use broker_server::config::{BackendTarget, Config, LogLevel};

use crate::cli::Flags;
pub(crate) use origin::Problem;
use tree::Tree;

/// Where settings may come from.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    /// What was typed.
    pub(crate) flags: &'a Flags,
    /// The log level that was typed, and the flag's name.
    pub(crate) level: Option<(LogLevel, &'static str)>,
    /// The environment variables.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The files to look for when none is named, the first that exists wins.
    pub(crate) search: &'a [&'a Path],
}

/// The files that are looked for when none is named.
pub(crate) const SEARCH: [&str; 2] = ["wsbroker.toml", "/etc/wsbroker/wsbroker.toml"];

/// The effective configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Every value is right, also beside the others.
    pub(crate) config: Config,
    /// The file that was read, if there was one.
    pub(crate) file: Option<PathBuf>,
    /// What can be obeyed, but is likely not what was meant.
    pub(crate) warnings: Vec<Problem>,
}

/// Reads all sources.
///
/// # Errors
/// Everything that is wrong, in the order of the file's lines, then the
/// variables, then the flags; never empty.
pub(crate) fn load(sources: &Sources<'_>) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let mut tree = Tree::default();

    let file = file::find(sources).map_err(|problem| vec![problem])?;
    if let Some(path) = &file {
        file::read(path, &mut tree, &mut problems);
    }
    environment::read(&sources.environment, &mut tree, &mut problems);
    if sources.flags.listen.is_none() {
        environment::read_port(
            &sources.environment,
            &mut tree,
            &mut problems,
            &mut warnings,
        );
    }
    flags::read(sources, &mut tree);

    let is_demo =
        file.is_none() && !tree.contains("backend.url") && asks_for_nothing(sources.flags);
    let mut config: Config = tree.clone().into_config(&mut problems);
    if is_demo {
        config.backend.url = BackendTarget::Demo;
    }
    // Between values there is only something to see when each is right.
    if problems.is_empty() {
        problems = contradictions(&config, &tree, sources.flags.insecure);
    }
    if problems.is_empty() {
        Ok(Settings {
            config,
            file,
            warnings,
        })
    } else {
        problems.sort_by(|a, b| a.origin.cmp(&b.origin));
        Err(problems)
    }
}

/// Whether no flag says what the broker is for, so that it shows its demo.
fn asks_for_nothing(flags: &Flags) -> bool {
    flags.backend.is_none() && flags.endpoint.is_empty() && flags.allow.is_empty()
}

fn contradictions(config: &Config, tree: &Tree, insecure: bool) -> Vec<Problem> {
    let located = |key: &str, message: String| Problem {
        origin: tree.origin(key),
        message,
    };
    let mut problems: Vec<Problem> = config
        .validate()
        .into_iter()
        .map(|invalid| located(invalid.key, invalid.to_string()))
        .collect();
    if let Err(error) = config.access.load_tokens() {
        problems.push(located("access.token_file", error.to_string()));
    }
    let backend = &config.backend;
    let errors = [
        backend.load_secret().err(),
        backend.load_authorities().err(),
    ];
    for error in errors.into_iter().flatten() {
        problems.push(located(error.key(), error.to_string()));
    }
    if let Err(error) = config.tls.load() {
        problems.push(located(error.key(), error.to_string()));
    }
    if !insecure {
        for listener in config.exposed() {
            problems.push(located(
                listener.key,
                format!("{listener}\nor start with --insecure"),
            ));
        }
    }
    problems
}
