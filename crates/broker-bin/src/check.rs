//! `wsbroker check`: what is wrong with the configuration, and whether the
//! backend answers.

use std::io::{self, Write};

use broker_server::config::Config;

use crate::exit::Exit;
use crate::settings::Settings;

/// Tells that the settings are right, and asks the backend. A backend that is
/// down is a warning: it may well be started later than the broker.
pub(crate) fn run(settings: &Settings) -> io::Result<Exit> {
    let file = settings.file.as_ref();
    let name = file.map_or("no configuration file".to_owned(), |path| {
        path.display().to_string()
    });
    writeln!(io::stdout(), "{name}: ok")?;
    match ask_backend(&settings.config)? {
        Some(Answer::Good(note)) => writeln!(io::stderr(), "{note}")?,
        Some(Answer::Odd(warning)) => writeln!(io::stderr(), "warning: {warning}")?,
        None => {}
    }
    Ok(Exit::Ok)
}

/// How the backend answered.
enum Answer {
    Good(String),
    Odd(String),
}

/// Sends `HEAD`, never an event.
fn ask_backend(config: &Config) -> io::Result<Option<Answer>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let url = &config.backend.url;
    Ok(Some(match runtime.block_on(broker_server::probe(config)) {
        Ok(None) => return Ok(None),
        // Many applications have no HEAD where they take events.
        Ok(Some(status @ (200..=299 | 405 | 501))) => {
            Answer::Good(format!("backend {url}: up (it answers HEAD with {status})"))
        }
        Ok(Some(status @ 300..=399)) => Answer::Odd(format!(
            "backend {url} answers HEAD with {status}; events never follow a redirect"
        )),
        Ok(Some(status)) => Answer::Odd(format!("backend {url} answers HEAD with {status}")),
        Err(failure) => Answer::Odd(format!("backend {url} does not answer: {failure}")),
    }))
}
