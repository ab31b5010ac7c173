//! What the doors for commands have in common: who may come in, and how commands are read.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use broker_core::{CommandList, ListError, Reading};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use subtle::ConstantTimeEq;

use crate::config::{OriginRule, Token};
use crate::counters::Refused;
use crate::forwarded::Caller;
use crate::mailbox::ShuttingDown;
use crate::shard::Settings;

/// Why a request for commands is turned away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("a token is needed")]
    NoToken,
    #[error("the token is wrong")]
    WrongToken,
    /// The original's words.
    #[error("access denied")]
    NotAllowed,
    #[error("requests of web pages need a token")]
    Browser,
    #[error(
        "the Host of a web page's request must be an address, localhost or a host of access.origins"
    )]
    ForeignHost,
    /// It is over the limit of this name, in bytes.
    #[error("the body is longer than the limit {0} of {1} bytes")]
    TooLong(&'static str, usize),
    #[error("the body did not arrive within body_timeout")]
    TooSlow,
    #[error("the body could not be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Commands(#[from] ListError),
    #[error(transparent)]
    Ending(#[from] ShuttingDown),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::NoToken | Refusal::WrongToken => StatusCode::UNAUTHORIZED,
            Refusal::NotAllowed | Refusal::Browser | Refusal::ForeignHost => StatusCode::FORBIDDEN,
            Refusal::TooLong(..) | Refusal::Commands(ListError::TooMany { .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Unreadable(_) | Refusal::Commands(_) => StatusCode::BAD_REQUEST,
            Refusal::Ending(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What it is counted as.
    pub(crate) fn reason(&self) -> Refused {
        match self {
            Refusal::NoToken
            | Refusal::WrongToken
            | Refusal::NotAllowed
            | Refusal::Browser
            | Refusal::ForeignHost => Refused::NotAllowed,
            Refusal::TooLong(..) => Refused::BodyTooLong,
            Refusal::TooSlow => Refused::BodyTimeout,
            Refusal::Unreadable(_) => Refused::BadRequest,
            Refusal::Commands(_) => Refused::BadCommands,
            Refusal::Ending(_) => Refused::Ending,
        }
    }
}

/// Whether a request brings a token, and a right one.
enum Credential {
    None,
    Right,
    Wrong,
}

/// The public port: a right token, or an allowed address that speaks for itself and is no web page.
pub(crate) fn admit_public(
    caller: Caller,
    headers: &HeaderMap,
    settings: &Settings,
) -> Result<(), Refusal> {
    let access = &settings.config.access;
    match credential(headers, &settings.tokens) {
        Credential::Wrong => Err(Refusal::WrongToken),
        Credential::Right if is_of_web_page(headers) => {
            require_known_host(headers, &access.origins)
        }
        Credential::Right => Ok(()),
        Credential::None if is_of_web_page(headers) => Err(Refusal::Browser),
        // Behind a proxy on the same host every visitor looks like 127.0.0.1.
        Credential::None if caller.is_forwarded(headers) => Err(Refusal::NotAllowed),
        Credential::None => match caller {
            Caller::Peer(None) => Ok(()),
            Caller::Peer(Some(ip)) if access.allow.iter().any(|rule| rule.contains(ip)) => Ok(()),
            Caller::Peer(Some(_)) | Caller::Named(_) | Caller::Unnamed(_) | Caller::Unknown => {
                Err(Refusal::NotAllowed)
            }
        },
    }
}

/// The admin port: a right token where there are tokens; otherwise any program, and web pages of the port's own.
pub(crate) fn admit_admin(headers: &HeaderMap, settings: &Settings) -> Result<(), Refusal> {
    let is_guarded = !settings.tokens.is_empty();
    match credential(headers, &settings.tokens) {
        Credential::None if is_guarded => return Err(Refusal::NoToken),
        Credential::Wrong if is_guarded => return Err(Refusal::WrongToken),
        Credential::Right => {}
        Credential::None | Credential::Wrong if is_of_foreign_page(headers) => {
            return Err(Refusal::Browser);
        }
        Credential::None | Credential::Wrong => {}
    }
    if is_of_web_page(headers) {
        require_known_host(headers, &settings.config.access.origins)?;
    }
    Ok(())
}

fn credential(headers: &HeaderMap, tokens: &[Token]) -> Credential {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Credential::None;
    };
    let given = value.as_bytes();
    let end = given
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(given.len());
    let (scheme, token) = given.split_at(end);
    // Another scheme is no token, and the original does not look at the header at all.
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Credential::None;
    }
    // Every token is compared, each in constant time, so that the time taken tells nothing.
    let matches = tokens.iter().fold(0, |found, known| {
        found | known.as_bytes().ct_eq(token.trim_ascii()).unwrap_u8()
    });
    if matches == 1 {
        Credential::Right
    } else {
        Credential::Wrong
    }
}

/// Browsers say so on requests that a page makes to another site, or by POST.
fn is_of_web_page(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site")
}

fn is_of_foreign_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    let has_foreign_origin = || {
        let origin = headers
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        origin.is_some_and(|origin| origin.split_once("://").map(|(_, host)| host) != host(headers))
    };
    !matches!(site, None | Some(b"same-origin" | b"none")) || has_foreign_origin()
}

/// A page of another site can give its own name this address (DNS rebinding), but then it is the name that it asks for.
fn require_known_host(headers: &HeaderMap, origins: &[OriginRule]) -> Result<(), Refusal> {
    let host = host(headers).ok_or(Refusal::ForeignHost)?;
    let name = host.rsplit_once(':').map_or(
        host,
        |(name, port)| if port.ends_with(']') { host } else { name },
    );
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_address
        || name.eq_ignore_ascii_case("localhost")
        || origins.iter().any(|rule| rule.names_host(host))
    {
        return Ok(());
    }
    Err(Refusal::ForeignHost)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Reads a whole body within `max_body` and `body_timeout`.
pub(crate) async fn read_body<B>(mut body: B, settings: &Settings) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes, Error: fmt::Display> + Unpin,
{
    let limit = settings.config.limits.max_body.bytes();
    let too_long = || Refusal::TooLong("max_body", limit);
    if body.size_hint().lower() > limit as u64 {
        return Err(too_long());
    }
    let whole = async {
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal::Unreadable(error.to_string()))?;
            let Ok(part) = frame.into_data() else {
                continue;
            };
            if read.len() + part.len() > limit {
                return Err(too_long());
            }
            read.extend_from_slice(&part);
        }
        Ok(read.freeze())
    };
    let timeout: Duration = settings.config.limits.body_timeout.duration();
    tokio::time::timeout(timeout, whole)
        .await
        .unwrap_or(Err(Refusal::TooSlow))
}

/// Finds the commands in a request to the public port: the form field `data`, or the body itself as JSON.
pub(crate) async fn commands_of(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_plain = body.starts_with(b"data=");
    if let (false, Ok(boundary)) = (is_plain, multer::parse_boundary(content_type)) {
        let parts = futures_util::stream::once(async { Ok::<_, std::io::Error>(body) });
        let mut form = multer::Multipart::new(parts, boundary);
        let unreadable = |error: multer::Error| Refusal::Unreadable(error.to_string());
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            if field.name() == Some("data") {
                return field.bytes().await.map_err(unreadable);
            }
        }
        return Ok(Bytes::new());
    }
    // The original reads every body as a form, whatever the content type says.
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_form = is_plain || media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !is_form {
        return Ok(body);
    }
    let data = form_urlencoded::parse(&body).find(|(name, _)| name == "data");
    Ok(data
        .map(|(_, value)| Bytes::from(value.into_owned()))
        .unwrap_or_default())
}

/// Reads a list of commands as the settings limit it.
pub(crate) fn parse(
    body: &Bytes,
    strict: bool,
    settings: &Settings,
    own: &[Box<str>],
) -> Result<CommandList, Refusal> {
    let max_commands = settings.config.limits.max_commands.get() as usize;
    let mut reading = Reading::lenient(max_commands);
    reading.strict = strict;
    reading.own_types = own;
    let list = CommandList::parse(body, reading)?;
    settings.overlooked.tell(&list);
    Ok(list)
}
