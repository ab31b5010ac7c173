//! Who a request really comes from, when proxies stand in between.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName, VIA};

use crate::config::Access;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Whether a request has passed a proxy, by its own account.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    [FORWARDED, X_FORWARDED_FOR, X_REAL_IP, VIA]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// The client's address: the peer's own or, when the peer is a trusted proxy, the right-most address in
/// `X-Forwarded-For` or else `Forwarded` (RFC 7239 §4) that is not a trusted proxy's. A Unix peer is trusted.
pub(crate) fn client_ip(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    access: &Access,
) -> Option<IpAddr> {
    let is_trusted = |ip: IpAddr| access.trusted_proxies.iter().any(|rule| rule.contains(ip));
    if let Some(ip) = peer
        && !is_trusted(ip)
    {
        if is_forwarded(headers) {
            suggest_trust(ip);
        }
        return peer;
    }
    let mut client = peer;
    for hop in hops(headers) {
        // Whatever stands left of something unreadable was not written by a proxy that we know.
        let Some(ip) = hop else { break };
        client = Some(ip);
        if !is_trusted(ip) {
            break;
        }
    }
    client
}

/// The addresses that proxies have noted, the nearest first; none where one cannot be read.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let is_plain = headers.contains_key(X_FORWARDED_FOR);
    let name = if is_plain { X_FORWARDED_FOR } else { FORWARDED };
    let lines: Vec<&str> = headers
        .get_all(name)
        .into_iter()
        .map(|line| line.to_str().unwrap_or("?"))
        .collect();
    let hops: Vec<Option<IpAddr>> = lines
        .iter()
        .flat_map(|line| line.split(','))
        .map(|hop| {
            if is_plain {
                address(hop.trim())
            } else {
                forwarded_for(hop)
            }
        })
        .collect();
    hops.into_iter().rev()
}

/// The `for` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = { pairs }.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, headers: &[(&str, &str)], expected: &str) {
        let access = Access {
            trusted_proxies: ["10.0.0.0/8", "::1"]
                .map(|rule| rule.parse().unwrap())
                .into(),
            ..Access::default()
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let peer = (peer != "unix").then(|| peer.parse().unwrap());
        let seen = client_ip(peer, &map, &access).map(|ip| ip.to_string());
        assert_eq!(seen.as_deref().unwrap_or("unix"), expected, "{headers:?}");
    }

    #[test]
    fn a_peer_that_is_no_proxy_is_the_client() {
        check(
            "1.2.3.4",
            &[("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=6.6.6.6")],
            "1.2.3.4",
        );
        check("10.0.0.1", &[], "10.0.0.1");
        check("unix", &[], "unix");
    }

    #[test]
    fn behind_a_trusted_proxy_the_right_most_untrusted_address_is_the_client() {
        check(
            "10.0.0.1",
            &[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2")],
            "1.2.3.4",
        );
        check(
            "10.0.0.1",
            &[
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-for", "1.2.3.4"),
            ],
            "1.2.3.4",
        );
        check(
            "10.0.0.1",
            &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")],
            "10.0.0.3",
        );
        check("unix", &[("x-forwarded-for", "1.2.3.4")], "1.2.3.4");
        check("::1", &[("x-forwarded-for", "::ffff:1.2.3.4")], "1.2.3.4");
    }

    #[test]
    fn the_standard_header_is_read_too() {
        check(
            "10.0.0.1",
            &[(
                "forwarded",
                "for=6.6.6.6, for=\"[2001:db8::1]:4711\";proto=https",
            )],
            "2001:db8::1",
        );
        check(
            "10.0.0.1",
            &[("forwarded", "proto=http;For=1.2.3.4:80, for=10.0.0.2")],
            "1.2.3.4",
        );
    }

    #[test]
    fn what_cannot_be_read_ends_the_search() {
        check(
            "10.0.0.1",
            &[("x-forwarded-for", "1.2.3.4, nonsense, 10.0.0.2")],
            "10.0.0.2",
        );
        check("10.0.0.1", &[("forwarded", "for=unknown")], "10.0.0.1");
    }
}
