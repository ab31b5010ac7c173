//! The application that a configuration names.

use std::sync::Arc;

use async_trait::async_trait;
use broker_backend::{Backend, Format, Http, HttpConfig, UrlError};
use broker_core::{CommandList, Event, Failure};

use crate::config::{self, BackendFormat, BackendTarget, Config};
use crate::demo;

/// The application behind the broker, as `backend.url` names it.
pub(crate) fn of(config: &Config) -> Result<Arc<dyn Backend>, UrlError> {
    match &config.backend.url {
        BackendTarget::None => Ok(Arc::new(Nobody)),
        BackendTarget::Demo => Ok(demo::backend()),
        BackendTarget::Http(url) => Ok(Arc::new(http(url, config)?)),
    }
}

/// What a HEAD request to the application is answered with: never an event. None where it is not asked by HTTP.
///
/// # Errors
/// When there is no answer; the text says why.
pub async fn probe(config: &Config) -> Result<Option<u16>, String> {
    let BackendTarget::Http(url) = &config.backend.url else {
        return Ok(None);
    };
    let http = http(url, config).map_err(|error| error.to_string())?;
    http.probe()
        .await
        .map(Some)
        .map_err(|failure| failure.to_string())
}

fn http(url: &config::BackendUrl, config: &Config) -> Result<Http, UrlError> {
    let mut http = HttpConfig::new(url.as_str().parse()?);
    http.format = match config.backend.format {
        BackendFormat::Multipart => Format::Multipart,
        BackendFormat::Form => Format::Form,
        BackendFormat::Json => Format::Json,
    };
    http.timeout = config.backend.timeout.duration();
    http.max_answer = config.backend.max_answer.bytes();
    http.max_commands = config.limits.max_commands.get() as usize;
    Ok(Http::new(http))
}

/// No application: the broker only carries out commands.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Backend for Nobody {
    fn for_shard(&self) -> Arc<dyn Backend> {
        Arc::new(Nobody)
    }

    async fn call(&self, _event: Event) -> Result<CommandList, Failure> {
        Ok(CommandList::default())
    }
}
