//! `wsbroker check`: what is wrong with the configuration, and whether the
//! backend answers.

use std::io::{self, Write};

use crate::exit::Exit;
use crate::probe::{self, Finding};
use crate::settings::Settings;

/// Tells that the settings are right, and asks the backend. A backend that is
/// down is a warning: it may well be started later than the broker.
pub(crate) fn run(settings: &Settings) -> io::Result<Exit> {
    let file = settings.file.as_ref();
    let name = file.map_or("no configuration file".to_owned(), |path| {
        path.display().to_string()
    });
    writeln!(io::stdout(), "{name}: ok")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let finding = runtime.block_on(probe::ask(&settings.config));
    // A name that nobody can resolve is not waited for any longer.
    runtime.shutdown_background();
    let url = &settings.config.backend.url;
    match finding {
        Some(Finding::Well(text)) => writeln!(io::stderr(), "backend {url} {text}")?,
        Some(Finding::Wrong(text)) => writeln!(io::stderr(), "warning: backend {url} {text}")?,
        None => {}
    }
    Ok(Exit::Ok)
}
