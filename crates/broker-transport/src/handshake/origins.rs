//! Which web pages may connect (RFC 6454, RFC 6455 §10.2).
//!
//! Browsers let any page open a WebSocket to any host, with the user's cookies. The Origin header names the page.

use std::str::FromStr;

use http::header::{self, HeaderMap, HeaderValue};
use thiserror::Error;

use super::Refusal;

/// The origins that may connect: any, as long as there is no rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    rules: Vec<Rule>,
}

/// A rule that is not one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an origin: write `https://example.org`, `https://*.example.org`, `null` or `*`"
)]
pub struct BadOriginRule(String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Any,
    /// What a browser sends for a page without an origin, such as a file or a sandboxed frame.
    Null,
    Exactly(Origin),
    /// Every host below that of the origin, and not that itself.
    Below(Origin),
}

/// A scheme, a host and a port, in the form in which they compare: lower case, the scheme's own port left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// Reads rules: `scheme://host[:port]`, `https://*.example.org`, `null`, or `*` for all, `null` too.
    ///
    /// # Errors
    /// The first rule that is none of these.
    pub fn parse<S: AsRef<str>>(rules: impl IntoIterator<Item = S>) -> Result<Self, BadOriginRule> {
        let rules = rules
            .into_iter()
            .map(|rule| rule.as_ref().parse())
            .collect::<Result<_, _>>()?;
        Ok(Origins { rules })
    }

    /// Whether there is no rule, so that every page may connect.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Checks the Origin header of a request. One without it passes: it does not come from a page.
    ///
    /// # Errors
    /// [`Refusal::ForeignOrigin`]
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).into_iter();
        if self.is_empty() || origins.all(|origin| self.allow(origin)) {
            Ok(())
        } else {
            Err(Refusal::ForeignOrigin)
        }
    }

    /// Whether a rule names `host`, which is given without a port.
    #[must_use]
    pub fn name_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.rules.iter().any(|rule| match rule {
            Rule::Any => true,
            Rule::Null => false,
            Rule::Exactly(origin) => origin.host == host,
            Rule::Below(origin) => is_below(&host, &origin.host),
        })
    }

    fn allow(&self, header: &HeaderValue) -> bool {
        let origin = header.to_str().ok().and_then(Origin::parse);
        self.rules.iter().any(|rule| match (rule, &origin) {
            (Rule::Any, _) => true,
            (Rule::Null, _) => header == "null",
            (Rule::Exactly(allowed), Some(origin)) => origin == allowed,
            (Rule::Below(allowed), Some(origin)) => {
                origin.scheme == allowed.scheme
                    && origin.port == allowed.port
                    && is_below(&origin.host, &allowed.host)
            }
            (Rule::Exactly(_) | Rule::Below(_), None) => false,
        })
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl FromStr for Rule {
    type Err = BadOriginRule;

    fn from_str(rule: &str) -> Result<Self, BadOriginRule> {
        let parsed = match rule {
            "*" => Some(Rule::Any),
            "null" => Some(Rule::Null),
            _ => match rule.split_once("://*.") {
                Some((scheme, domain)) => {
                    Origin::parse(&format!("{scheme}://{domain}")).map(Rule::Below)
                }
                None => Origin::parse(rule).map(Rule::Exactly),
            },
        };
        parsed.ok_or_else(|| BadOriginRule(rule.to_owned()))
    }
}

impl Origin {
    fn parse(origin: &str) -> Option<Origin> {
        let origin = origin.to_ascii_lowercase();
        let (scheme, authority) = origin.split_once("://")?;
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address are inside brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
            _ => (authority, None),
        };
        let default_port = match scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        if !is_scheme(scheme) || !is_host(host) {
            return None;
        }
        Some(Origin {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.filter(|_| port != default_port),
        })
    }
}

/// Digits only: `u16::from_str` takes a sign as well.
fn parse_port(port: &str) -> Option<u16> {
    port.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| port.parse().ok())?
}

fn is_scheme(scheme: &str) -> bool {
    !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_host(host: &str) -> bool {
    match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which of `origins` may connect under the rules.
    #[track_caller]
    fn check(rules: &[&str], allowed: &[&str], refused: &[&str]) {
        let origins = Origins::parse(rules).unwrap();
        for (list, expected) in [(allowed, Ok(())), (refused, Err(Refusal::ForeignOrigin))] {
            for origin in list {
                let headers = HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]);
                assert_eq!(origins.check(&headers), expected, "{origin}");
            }
        }
        assert_eq!(
            origins.check(&HeaderMap::new()),
            Ok(()),
            "a request without Origin"
        );
    }

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        check(
            &["https://good.example"],
            &[
                "https://good.example",
                "https://GOOD.example",
                "https://good.example:443",
            ],
            &[
                "http://good.example",
                "https://good.example:8443",
                "https://good.example.evil",
                "https://evil-good.example",
                "https://good.example@evil",
                "https://sub.good.example",
                "https://good.example/",
                "good.example",
                "null",
                "",
            ],
        );
    }

    #[test]
    fn a_port_is_part_of_the_origin() {
        check(
            &["http://localhost:3000", "http://[::1]:3000", "http://[::1]"],
            &[
                "http://localhost:3000",
                "http://[::1]:3000",
                "http://[::1]:80",
            ],
            &[
                "http://localhost",
                "http://localhost:30000",
                "http://[::1]:3001",
                "http://localhost:+3000",
            ],
        );
    }

    #[test]
    fn a_wildcard_stands_for_hosts_below_and_not_for_the_domain_itself() {
        check(
            &["https://*.example.org"],
            &["https://www.example.org", "https://a.b.example.org"],
            &[
                "https://example.org",
                "https://.example.org",
                "https://evilexample.org",
                "https://www.example.org.evil",
                "http://www.example.org",
                "https://www.example.org:8443",
            ],
        );
    }

    #[test]
    fn null_passes_only_where_it_is_listed() {
        check(&["null"], &["null"], &["https://null"]);
        check(&["*"], &["null", "https://any.example", "what?"], &[]);
        check(&[], &["null", "https://any.example", "what?"], &[]);
    }

    #[test]
    fn each_of_several_origin_headers_must_pass() {
        let origins = Origins::parse(["https://good.example"]).unwrap();
        let both = ["https://good.example", "https://evil.example"];
        let headers = both.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
        assert_eq!(
            origins.check(&HeaderMap::from_iter(headers)),
            Err(Refusal::ForeignOrigin)
        );
    }

    #[test]
    fn a_rule_that_could_never_hold_is_refused_by_name() {
        for rule in [
            "",
            "example.org",
            "https://",
            "https://example.org/",
            "https://example.org/path",
            "https://user@example.org",
            "https://example.org:99999",
            "https://*",
            "https://www.*.org",
            "https://*.*.org",
            "https://[::1",
            "*.example.org",
            "Null",
        ] {
            let error = Origins::parse([rule]).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{rule}` is not an origin")),
                "{error}"
            );
        }
    }

    #[test]
    fn rules_name_hosts() {
        let origins =
            Origins::parse(["https://example.org:8443", "https://*.example.net", "null"]).unwrap();
        for (host, named) in [
            ("example.org", true),
            ("Example.ORG", true),
            ("www.example.net", true),
            ("example.net", false),
            ("evil.example", false),
        ] {
            assert_eq!(origins.name_host(host), named, "{host}");
        }
        assert!(!Origins::default().name_host("example.org"));
    }
}
