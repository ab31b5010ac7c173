//! Listeners, address rules and origins.

use std::net::IpAddr;

use expect_test::expect;

use super::super::{IpRule, ListenAddr, OriginRule};
use super::{check, read};

#[test]
fn listeners_are_addresses_or_sockets() {
    check::<ListenAddr>(
        &[
            "127.0.0.1:4080",
            "[::1]:4080",
            "0.0.0.0:80",
            "unix:/run/wsbroker.sock",
            "unix:",
            "localhost:4080",
            ":4080",
            "4080",
            "127.0.0.1",
            "127.0.0.1:99999",
            "::1:4080",
            "",
        ],
        expect![[r#"
            127.0.0.1:4080 -> Tcp(127.0.0.1:4080)
            [::1]:4080 -> Tcp([::1]:4080)
            0.0.0.0:80 -> Tcp(0.0.0.0:80)
            unix:/run/wsbroker.sock -> Unix("/run/wsbroker.sock")
            unix: -> error: `unix:` needs the path of the socket behind it
            localhost:4080 -> error: `localhost:4080` is not an address: write the IP address, such as 127.0.0.1:4080 or [::1]:4080
            :4080 -> error: `:4080` has no host: write 127.0.0.1:4080, or 0.0.0.0:4080 for every interface
            4080 -> error: `4080` has no host: write 127.0.0.1:4080, or 0.0.0.0:4080 for every interface
            127.0.0.1 -> error: `127.0.0.1` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH
            127.0.0.1:99999 -> error: `127.0.0.1:99999` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH
            ::1:4080 -> error: `::1:4080` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH
             -> error: `` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH
        "#]],
    );
}

#[test]
fn only_loopback_and_unix_sockets_are_local() {
    let is_local = |text: &str| text.parse::<ListenAddr>().map(|address| address.is_local());
    for local in [
        "127.0.0.1:1",
        "127.8.8.8:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
        "unix:x",
    ] {
        assert_eq!(is_local(local), Ok(true), "{local}");
    }
    for remote in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
        assert_eq!(is_local(remote), Ok(false), "{remote}");
    }
}

#[test]
fn the_admin_listener_can_be_off() {
    let config = read("listen.admin = \"off\"").expect("off is an admin address");
    assert_eq!(config.listen.admin, None);
    assert!(read("listen.public = \"off\"").is_err());
}

#[test]
fn address_rules_are_addresses_or_ranges() {
    check::<IpRule>(
        &[
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "10.0.0.0/8",
            "fd00::/8",
            "::ffff:10.0.0.0/104",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "localhost",
            "",
        ],
        expect![[r#"
            127.0.0.1 -> IpRule { net: 127.0.0.1/32 }
            ::ffff:127.0.0.1 -> IpRule { net: 127.0.0.1/32 }
            10.0.0.0/8 -> IpRule { net: 10.0.0.0/8 }
            fd00::/8 -> IpRule { net: fd00::/8 }
            ::ffff:10.0.0.0/104 -> IpRule { net: 10.0.0.0/8 }
            10.0.0.1/8 -> error: `10.0.0.1/8` has address bits beyond its prefix; write 10.0.0.0/8
            10.0.0.0/33 -> error: `10.0.0.0/33` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
            localhost -> error: `localhost` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
             -> error: `` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
        "#]],
    );
}

#[test]
fn an_ipv4_rule_also_holds_for_the_mapped_address() {
    let rule: IpRule = "127.0.0.0/8".parse().expect("a range");
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert!(rule.contains(ip("127.0.0.1")));
    assert!(rule.contains(ip("::ffff:127.0.0.1")));
    assert!(!rule.contains(ip("128.0.0.1")));
    assert!(!rule.contains(ip("::1")));
    let all_v6: IpRule = "::/0".parse().expect("a range");
    assert!(!all_v6.contains(ip("::ffff:127.0.0.1")), "which is IPv4");
}

#[test]
fn origins_have_a_scheme_and_a_host() {
    check::<OriginRule>(
        &[
            "*",
            "null",
            "https://example.org",
            "HTTPS://Example.ORG:443",
            "http://localhost:8080",
            "http://[::1]:8080",
            "https://*.example.org",
            "example.org",
            "https://example.org/",
            "https://*",
            "https://",
            "https://a.*.b",
            "https://a:b",
            "https://u@h",
            "nonsense",
            "",
        ],
        expect![[r#"
            * -> Any
            null -> Null
            https://example.org -> Host(Origin { scheme: "https", host: "example.org", port: Some(443) })
            HTTPS://Example.ORG:443 -> Host(Origin { scheme: "https", host: "example.org", port: Some(443) })
            http://localhost:8080 -> Host(Origin { scheme: "http", host: "localhost", port: Some(8080) })
            http://[::1]:8080 -> Host(Origin { scheme: "http", host: "[::1]", port: Some(8080) })
            https://*.example.org -> Subdomains(Origin { scheme: "https", host: "example.org", port: Some(443) })
            example.org -> error: `example.org` has no scheme: write https://example.org or http://example.org
            https://example.org/ -> error: `https://example.org/` has a path; an origin ends with its host or port: https://example.org
            https://* -> error: `https://*` is not an origin: expected https://example.org, https://*.example.org, null or *
            https:// -> error: `https://` is not an origin: expected https://example.org, https://*.example.org, null or *
            https://a.*.b -> error: `https://a.*.b` is not an origin: expected https://example.org, https://*.example.org, null or *
            https://a:b -> error: `https://a:b` is not an origin: expected https://example.org, https://*.example.org, null or *
            https://u@h -> error: `https://u@h` is not an origin: expected https://example.org, https://*.example.org, null or *
            nonsense -> error: `nonsense` is not an origin: expected https://example.org, https://*.example.org, null or *
             -> error: `` is not an origin: expected https://example.org, https://*.example.org, null or *
        "#]],
    );
}

#[test]
fn an_origin_passes_if_scheme_host_and_port_agree() {
    let passes = |rule: &str, header: &str| {
        rule.parse::<OriginRule>()
            .expect("an origin rule")
            .matches(header)
    };
    for (rule, header) in [
        ("*", "https://evil.example"),
        ("*", "null"),
        ("null", "null"),
        ("https://example.org", "https://example.org"),
        ("https://example.org", "https://EXAMPLE.org:443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://*.example.org", "https://a.example.org"),
        ("https://*.example.org", "https://a.b.example.org"),
    ] {
        assert!(passes(rule, header), "{rule} must admit {header}");
    }
    for (rule, header) in [
        ("https://example.org", "http://example.org"),
        ("https://example.org", "https://example.org:8443"),
        ("https://example.org", "https://example.org.evil"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org", "https://example.org@evil"),
        ("https://example.org", "null"),
        ("https://example.org", ""),
        ("https://*.example.org", "https://example.org"),
        ("https://*.example.org", "https://.example.org"),
        ("https://*.example.org", "https://evilexample.org"),
        ("https://*.example.org", "http://a.example.org"),
        ("null", "https://example.org"),
    ] {
        assert!(!passes(rule, header), "{rule} must refuse {header}");
    }
}

#[test]
fn only_host_rules_name_a_host() {
    let names = |rule: &str, host: &str| {
        rule.parse::<OriginRule>()
            .expect("an origin rule")
            .names_host(host)
    };
    assert!(names("https://example.org:8443", "Example.org"));
    assert!(names("https://*.example.org", "a.example.org"));
    assert!(!names("https://*.example.org", "example.org"));
    assert!(!names("*", "example.org"));
}
