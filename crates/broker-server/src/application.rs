//! The application that a configuration names.

use std::sync::Arc;

use async_trait::async_trait;
use broker_backend::{Answer, Backend, Format, Http, HttpConfig, HttpUrl, Unanswered};
use broker_core::{Call, CommandList, Failure};

use crate::config::{BackendFileError, BackendFormat, BackendTarget, Config, Connect, Delivery};
use crate::demo;

/// The application behind the broker, as `backend.url` names it.
///
/// # Errors
/// A file that the settings of the backend name cannot be used.
pub(crate) fn of(config: &Config) -> Result<Arc<dyn Backend>, BackendFileError> {
    Ok(match &config.backend.url {
        BackendTarget::None => Arc::new(Nobody),
        BackendTarget::Demo => demo::backend(),
        BackendTarget::Http(url) => Arc::new(http(url, config)?),
    })
}

/// Why an application did not answer a HEAD request.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It was not asked: a file that the settings of the backend name cannot be used.
    #[error(transparent)]
    File(#[from] BackendFileError),
    /// It was asked.
    #[error(transparent)]
    NoAnswer(#[from] Failure),
}

/// What a HEAD request to the application is answered with: never an event. None where it is not asked by HTTP.
///
/// # Errors
/// When there is no answer.
pub async fn probe(config: &Config) -> Result<Option<u16>, ProbeError> {
    match &config.backend.url {
        BackendTarget::None | BackendTarget::Demo => Ok(None),
        BackendTarget::Http(url) => Ok(Some(http(url, config)?.probe().await?)),
    }
}

fn http(url: &HttpUrl, config: &Config) -> Result<Http, BackendFileError> {
    let mut http = HttpConfig::new(url.clone());
    http.format = match config.backend.format {
        BackendFormat::Multipart => Format::Multipart,
        BackendFormat::Form => Format::Form,
        BackendFormat::Json => Format::Json,
    };
    http.timeout = config.backend.timeout.duration();
    http.may_resend = config.backend.delivery == Delivery::AtLeastOnce;
    http.is_batched = config.backend.batch.get() > 1;
    http.decides_on_handshakes = config.backend.connect == Connect::Wait;
    http.stream_idle_timeout = config.backend.stream_idle_timeout.duration();
    http.max_answer = config.backend.max_answer.bytes();
    http.max_commands = config.limits.max_commands.get() as usize;
    http.secret = config.backend.load_secret()?;
    http.authorities = config.backend.load_authorities()?;
    http.headers = config.backend.headers.as_slice().into();
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

    async fn call(&self, _: Call) -> Result<Answer, Unanswered> {
        Ok(CommandList::default().into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use broker_backend::Format;

    use super::http;
    use crate::config::{BackendTarget, Config};

    #[test]
    fn the_application_is_asked_as_configured() {
        let text = "limits.max_commands = 7\n[backend]\nurl = 'http://app/hook'\nformat = 'json'\n\
                    timeout = '3s'\nmax_answer = '2KiB'\nheaders = ['Cookie']\n\
                    secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'";
        let config: Config = toml::from_str(text).expect("every value is right");
        let BackendTarget::Http(url) = &config.backend.url else {
            panic!("it is told by HTTP")
        };
        let http = http(url, &config).expect("it names no file");
        let asked = http.config();
        assert_eq!(asked.url.to_string(), "http://app/hook");
        assert_eq!(asked.format, Format::Json);
        assert_eq!(asked.timeout, Duration::from_secs(3));
        assert_eq!((asked.max_answer, asked.max_commands), (2048, 7));
        assert_eq!(asked.secret, config.backend.secret);
        assert!(asked.secret.is_some() && asked.authorities.is_none());
        assert_eq!(*asked.headers, ["cookie".parse().expect("a name")]);
    }
}
