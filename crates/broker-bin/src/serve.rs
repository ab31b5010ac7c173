//! `wsbroker serve`: from settings to a running broker, and to its end.

use std::io::{self, Write};

use broker_server::config::{Config, Exposed, ListenAddr, LogLevel};
use broker_server::core::Standing;
use broker_server::{Handle, Listener, LocalAddr, ReloadError, Server, StartError};
use sd_notify::NotifyState;

use crate::banner::Banner;
use crate::cli::{Flags, Global};
use crate::exit::Exit;
use crate::file_limit::{self, FileLimit};
use crate::logging::{self, Shape};
use crate::note;
use crate::probe::{self, Finding};
use crate::settings::Settings;
use crate::signals::{Request, Signals};
use crate::sockets::{Passed, Socket};

/// Why the broker did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a part of the broker has failed, so that it had to end: start it again")]
    Failed,
}

/// Serves until a signal ends it.
///
/// # Errors
/// The process lacks what it needs before it can even log.
pub(crate) fn run(settings: &Settings, flags: &Flags, global: &Global) -> io::Result<Exit> {
    let config = &settings.config;
    // First, since it changes the environment, which threads may read.
    let passed = Passed::take().map_err(io::Error::other)?;
    if !flags.insecure {
        let exposed = exposed(config, &passed)?;
        if !exposed.is_empty() {
            for listener in exposed {
                note(&format!("{listener}\nor start with --insecure"));
            }
            return Ok(Exit::Configuration);
        }
    }
    let files = file_limit::raise();
    let shape = Shape::choose(config.log.format);
    let log = logging::start(&config.log, shape, global.color)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        // Before anybody is told that the broker is ready, since from then on
        // a signal has to drain it.
        let mut signals = Signals::listen()?;
        let handle = start(config, passed)?;
        announce(&handle, files, shape, global);
        // Beside everything else: nobody waits for a backend.
        let looking = tokio::spawn(look_for_backend(config.clone()));
        let attended = attend(&handle, &mut signals).await;
        looking.abort();
        end(&handle, &mut signals).await;
        attended
    });
    // A backend's name that nobody can resolve does not keep the process.
    runtime.shutdown_background();
    let exit = match ended {
        Ok(()) => Exit::Ok,
        Err(error) => {
            tracing::error!(event = "trouble", "{error}");
            exit_of(&error)
        }
    };
    log.flush();
    Ok(exit)
}

/// Judges passed sockets by where they are; the configured addresses were
/// judged with the settings.
fn exposed(config: &Config, passed: &Passed) -> io::Result<Vec<Exposed>> {
    let sockets = [
        ("listen.public", &passed.public),
        ("listen.admin", &passed.admin),
    ];
    let mut exposed = Vec::new();
    for (key, socket) in sockets {
        if let Some(socket) = socket {
            exposed.extend(config.exposed_at(key, &socket.address()?));
        }
    }
    Ok(exposed)
}

/// Starts the broker on the passed sockets, and where there is none on the
/// configured addresses.
fn start(config: &Config, passed: Passed) -> Result<Handle, ServeError> {
    let mut server = Server::from_config(config.clone());
    if let Some(socket) = passed.public {
        server = server.with_public_listener(listener(socket)?);
    }
    if let Some(socket) = passed.admin {
        server = server.with_admin_listener(listener(socket)?);
    }
    Ok(server.start()?)
}

fn listener(socket: Socket) -> io::Result<Listener> {
    match socket {
        Socket::Tcp(listener) => Listener::from_tcp(listener),
        Socket::Unix(listener) => Listener::from_unix(listener),
    }
}

/// Tells people, machines and the service manager that clients may come.
fn announce(handle: &Handle, files: FileLimit, shape: Shape, global: &Global) {
    let config = handle.config();
    let banner = Banner {
        public: handle
            .public_addr()
            .map_or_else(|| config.listen.public.clone(), listen_addr),
        admin: handle.admin_addr().map(listen_addr),
        config,
        shards: handle.shards(),
        files,
    };
    match shape {
        Shape::Json => banner.record(),
        Shape::Pretty if config.log.level < LogLevel::Info => {}
        Shape::Pretty => {
            // Whoever closed stderr does not want to know.
            let _ = logging::stderr(global.color).write_all(banner.text().as_bytes());
        }
    }
    tell_service_manager(NotifyState::Ready);
}

fn listen_addr(local: &LocalAddr) -> ListenAddr {
    match local {
        LocalAddr::Tcp(address) => ListenAddr::Tcp(*address),
        LocalAddr::Unix(path) => ListenAddr::Unix(path.clone()),
    }
}

/// Tells once whether the backend is there, so that whoever has just started the broker need not wait for the first
/// client to find out.
async fn look_for_backend(config: Config) {
    let url = &config.backend.url;
    match probe::ask(&config).await {
        Some(Finding::Well(text)) => {
            tracing::info!(event = "backend", backend = %url, "backend {text}");
        }
        Some(Finding::Wrong(text)) => {
            tracing::warn!(event = "backend", backend = %url, "backend {text}");
        }
        None => {}
    }
}

/// Does what signals ask for, until one asks for the end or the broker fails: half of it is worse than none, since
/// whoever watches the process would take it for well.
async fn attend(handle: &Handle, signals: &mut Signals) -> Result<(), ServeError> {
    loop {
        let request = tokio::select! {
            request = signals.next() => request,
            () = handle.failed() => return Err(ServeError::Failed),
        };
        match request {
            Request::End => return Ok(()),
            Request::Status => tell_status(handle).await,
            Request::Reload => reload(handle),
        }
    }
}

/// Reads the certificate again, the one part of the configuration that can
/// change while the broker runs.
fn reload(handle: &Handle) {
    match handle.reload_certificate() {
        Ok(()) => tracing::info!(
            event = "reloaded",
            "tls.cert and tls.key were read again, for new connections; to change anything else, restart"
        ),
        Err(ReloadError::Certificate(error)) => {
            tracing::warn!(event = "trouble", "the certificate stays as it is: {error}")
        }
        Err(ReloadError::NoTls | ReloadError::NoFiles) => tracing::warn!(
            event = "trouble",
            "without tls.cert there is nothing to reload: restart to change the configuration"
        ),
    }
}

/// Drains; a second signal for the end ends it at once.
async fn end(handle: &Handle, signals: &mut Signals) {
    tracing::info!(
        event = "draining",
        "closing all connections; once more ends at once"
    );
    tell_service_manager(NotifyState::Stopping);
    let asked_again = async {
        while signals.next().await != Request::End {
            tell_status(handle).await;
        }
    };
    tokio::select! {
        () = handle.drain() => {}
        () = asked_again => {
            tracing::info!(event = "draining", "asked once more: ending at once");
            handle.shutdown().await;
        }
    }
}

async fn tell_status(handle: &Handle) {
    let (report, counters) = (handle.report().await, handle.counters().to_string());
    let so_far = if counters.is_empty() { "" } else { "; " };
    let Standing {
        is_away,
        limit,
        held_back,
        ..
    } = handle.standing();
    let away = if is_away { "; the backend is away" } else { "" };
    let limit = if limit == usize::MAX {
        "no limit of calls".to_owned()
    } else {
        format!("at most {limit} calls at once, {held_back} times too few")
    };
    tracing::info!(
        event = "status",
        "{report}; {limit}{away}{so_far}{counters}"
    );
}

/// A service manager that can't be told is logged, and left to its time-out.
fn tell_service_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(
            event = "trouble",
            "the service manager could not be told: {error}"
        );
    }
}

fn exit_of(error: &ServeError) -> Exit {
    use io::ErrorKind::{AddrInUse, PermissionDenied, ReadOnlyFilesystem};
    match error {
        ServeError::Start(error) => match error.io_kind() {
            Some(AddrInUse) => Exit::PortInUse,
            Some(PermissionDenied | ReadOnlyFilesystem) => Exit::Refused,
            Some(_) => Exit::Failure,
            None => Exit::Configuration,
        },
        ServeError::Io(_) | ServeError::Failed => Exit::Failure,
    }
}

#[cfg(test)]
mod tests;
