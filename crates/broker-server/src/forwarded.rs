//! Who a request really comes from, when proxies stand in between.
//!
//! Nobody's word is taken but that of trusted proxies, and theirs only as far as it is clear: what a client has written
//! into the same headers must never count ([`client_ip`]).

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::config::{Access, OriginRule};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers by which proxies tell of themselves, beside all that begin with [`FORWARDED_PREFIX`].
const PROXY_HEADERS: [&str; 6] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "via",
];

const FORWARDED_PREFIX: &str = "x-forwarded";

/// Where a connection comes from, as known before any request is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The peer of the socket; no address is a Unix socket, which is trusted.
    Peer(Option<IpAddr>),
    /// Somebody whom a trusted proxy has named by the PROXY protocol.
    Named(IpAddr),
    /// A trusted proxy that has named nobody by the PROXY protocol, and its own address.
    Unnamed(Option<IpAddr>),
    /// Somebody on a connection of an embedder's own server, who has not said whose it is.
    Unknown,
}

impl Caller {
    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Caller::Peer(ip) | Caller::Unnamed(ip) => ip,
            Caller::Named(ip) => Some(ip),
            Caller::Unknown => None,
        }
    }

    /// Whether what comes from here has passed a proxy, by that proxy's word or its own.
    pub(crate) fn is_forwarded(self, headers: &HeaderMap) -> bool {
        let has_passed_one = match self {
            Caller::Named(_) | Caller::Unnamed(_) => true,
            Caller::Peer(_) | Caller::Unknown => false,
        };
        has_passed_one || has_forwarding_headers(headers)
    }
}

/// Why nobody can say whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// One of the two headers was written by the client, and there is no telling which.
    Disagreement,
    /// Where a quoted string has no end, what the proxy has written cannot be told from what the client has.
    OpenQuote,
}

impl Unclear {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Unclear::Disagreement => "X-Forwarded-For and Forwarded name different clients",
            Unclear::OpenQuote => "Forwarded has a quoted string without an end",
        }
    }
}

/// Whether a request has passed a proxy, by its own account. Some programs take `_` in a header's name for `-`.
fn has_forwarding_headers(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = with_hyphens(name.as_str());
        name.starts_with(FORWARDED_PREFIX) || PROXY_HEADERS.contains(&&*name)
    })
}

fn with_hyphens(name: &str) -> Cow<'_, str> {
    if name.contains('_') {
        name.replace('_', "-").into()
    } else {
        name.into()
    }
}

/// The client's address: the caller's own or, when that is a trusted proxy's, the right-most address in
/// `X-Forwarded-For` or `Forwarded` (RFC 7239 §4) that is not a trusted proxy's. A Unix peer is trusted.
///
/// # Errors
/// When the two headers contradict each other, or cannot be taken apart.
pub(crate) fn client_ip(
    caller: Caller,
    headers: &HeaderMap,
    access: &Access,
) -> Result<Option<IpAddr>, Unclear> {
    let is_trusted = |ip: IpAddr| access.trusts(ip);
    match caller {
        // The proxy speaks for itself, or for somebody whose words it has only passed on.
        Caller::Unnamed(ip) => return Ok(ip),
        // Whether the peer is to be trusted is not known either.
        Caller::Unknown => return Ok(None),
        Caller::Peer(Some(ip)) | Caller::Named(ip) if !is_trusted(ip) => {
            if has_forwarding_headers(headers) {
                suggest_trust(ip);
            }
            return Ok(Some(ip));
        }
        Caller::Peer(_) | Caller::Named(_) => {}
    }
    let client = |hops: Vec<Hop>| (!hops.is_empty()).then(|| client_of(&hops, caller, is_trusted));
    let plain = client(plain_hops(headers));
    let standard = client(standard_hops(headers)?);
    match (plain, standard) {
        (None, None) => Ok(caller.ip()),
        (Some(ip), None) | (None, Some(ip)) => Ok(ip),
        (Some(plain), Some(standard)) if plain == standard => Ok(plain),
        (Some(_), Some(_)) => {
            suggest_deletion();
            Err(Unclear::Disagreement)
        }
    }
}

/// What a proxy has noted of whom it had before it; nothing where that is no address.
type Hop = Option<IpAddr>;

/// Goes back from the nearest hop, as long as each was written by a proxy that is trusted.
fn client_of(hops: &[Hop], caller: Caller, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut client = caller.ip();
    for hop in hops.iter().rev() {
        // Whatever stands left of something unreadable was not written by a proxy that we know.
        let Some(ip) = *hop else { break };
        client = Some(ip);
        if !is_trusted(ip) {
            break;
        }
    }
    client
}

fn plain_hops(headers: &HeaderMap) -> Vec<Hop> {
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter();
    // A byte that is not ASCII spoils the hop that it is in, and no other.
    { lines.map(|line| String::from_utf8_lossy(line.as_bytes())) }
        .flat_map(|line| {
            line.split(',')
                .map(|hop| address(hop.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The hops of `Forwarded`; none if no element says for whom it was forwarded.
fn standard_hops(headers: &HeaderMap) -> Result<Vec<Hop>, Unclear> {
    let mut hops = Vec::new();
    let mut names_anybody = false;
    for line in headers.get_all(FORWARDED) {
        let line = String::from_utf8_lossy(line.as_bytes());
        for element in split_unquoted(&line, ',').ok_or(Unclear::OpenQuote)? {
            let nodes = nodes(element);
            names_anybody |= !nodes.is_empty();
            hops.push(match nodes.as_slice() {
                [node] => address(node.trim_matches('"')),
                _ => None,
            });
        }
    }
    if !names_anybody {
        hops.clear();
    }
    Ok(hops)
}

/// The values of all `for` in one element of `Forwarded`, where there may be one.
fn nodes(element: &str) -> Vec<&str> {
    let pairs = split_unquoted(element, ';').unwrap_or_default();
    { pairs.into_iter().filter_map(|pair| pair.split_once('=')) }
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
        .map(|(_, node)| node.trim())
        .collect()
}

/// The pieces between separators that are in no quoted string (RFC 9110 §5.6.4); nothing if one has no end.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let pieces = text.split(|c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    });
    let pieces = pieces.collect();
    (!is_quoted).then_some(pieces)
}

/// An address, with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let ip = bare
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip()))?;
    Some(ip.to_canonical())
}

/// Says, once in the life of the process, how to have forwarded addresses believed.
fn suggest_trust(proxy: IpAddr) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!(
            event = "trouble",
            ip = %proxy,
            "forwarding headers from an address that is no trusted proxy are ignored; \
             if it is your proxy, add to [access]: trusted_proxies = [\"{proxy}\"]"
        );
    });
}

/// Says, once in the life of the process, what a trusted proxy lets through.
fn suggest_deletion() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!(
            event = "trouble",
            "a trusted proxy sends X-Forwarded-For and Forwarded that name different clients, so the request is \
             refused; have the proxy delete the one that it does not write itself"
        );
    });
}

/// Says, once in the life of the process, how to keep the pages of other sites out; `origin` is that of a page that came
/// through a proxy.
pub(crate) fn suggest_origins(origin: &HeaderValue) {
    static ONCE: Once = Once::new();
    let rule = origin.to_str().ok().and_then(|text| text.parse().ok());
    // Only what is an origin is repeated.
    let Some(rule @ OriginRule::Host(_)) = rule else {
        return;
    };
    ONCE.call_once(|| {
        tracing::warn!(
            event = "trouble",
            "a web page connects through a proxy, and the pages of any site may; to admit only its own, add to \
             [access]: origins = [\"{rule}\"]"
        );
    });
}

#[cfg(test)]
mod tests;
