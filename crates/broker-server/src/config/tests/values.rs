//! One value at a time: what it is taken for, or why it is refused.

use std::fmt::Debug;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use expect_test::{Expect, expect};

use super::super::{
    BackendTarget, ByteSize, Cookies, Dialect, Endpoint, EndpointPath, IpRule, ListenAddr, OnFull,
    OriginRule, Subprotocol, TimeSpan, Token,
};
use super::read;

/// Parses each text; one line of the result for each.
fn check<T>(texts: &[&str], expected: Expect)
where
    T: FromStr + Debug,
    T::Err: std::fmt::Display,
{
    let mut lines = String::new();
    for text in texts {
        match text.parse::<T>() {
            Ok(value) => writeln!(lines, "{text} -> {value:?}"),
            Err(error) => writeln!(lines, "{text} -> error: {error}"),
        }
        .expect("a String takes every line");
    }
    expected.assert_eq(&lines);
}

#[test]
fn sizes_carry_their_unit() {
    check::<ByteSize>(
        &[
            "1MiB",
            "16KiB",
            "64 mib",
            "2KB",
            "3MB",
            "7B",
            "1GiB",
            "0",
            "1536KiB",
            "5",
            "5 apples",
            "1.5MiB",
            "",
            "MiB",
            "-1B",
            "1025GiB",
            "99999999999999999999B",
        ],
        expect![[r#"
            1MiB -> 1MiB
            16KiB -> 16KiB
            64 mib -> 64MiB
            2KB -> 2KB
            3MB -> 3MB
            7B -> 7B
            1GiB -> 1GiB
            0 -> 0
            1536KiB -> 1536KiB
            5 -> error: `5` has no unit: expected a size with its unit, such as "64KiB" or "1MiB"
            5 apples -> error: unknown unit `apples`; the units are B, KB, KiB, MB, MiB, GB, GiB
            1.5MiB -> error: `1.5MiB` is not a size with its unit, such as "64KiB" or "1MiB"
             -> error: `` is not a size with its unit, such as "64KiB" or "1MiB"
            MiB -> error: `MiB` is not a size with its unit, such as "64KiB" or "1MiB"
            -1B -> error: `-1B` is not a size with its unit, such as "64KiB" or "1MiB"
            1025GiB -> error: `1025GiB` is too large: at most 1024GiB
            99999999999999999999B -> error: `99999999999999999999B` is too large: at most 1024GiB
        "#]],
    );
}

#[test]
fn times_carry_their_unit() {
    check::<TimeSpan>(
        &[
            "25s", "100ms", "1h", "5m", "90s", "2d", "0", "0s", "10", "1.5s", "s", "366d", "10 sec",
        ],
        expect![[r#"
            25s -> 25s
            100ms -> 100ms
            1h -> 1h
            5m -> 5m
            90s -> 90s
            2d -> 2d
            0 -> 0
            0s -> 0
            10 -> error: `10` has no unit: expected a time with its unit, such as "100ms", "25s" or "5m"
            1.5s -> error: `1.5s` is not a time with its unit, such as "100ms", "25s" or "5m"
            s -> error: `s` is not a time with its unit, such as "100ms", "25s" or "5m"
            366d -> error: `366d` is too large: at most 365d
            10 sec -> error: unknown unit `sec`; the units are ms, s, m, h, d
        "#]],
    );
}

#[test]
fn only_the_plain_number_0_needs_no_unit() {
    let mut lines = String::new();
    for text in [
        "websocket.ping_interval = 0",
        "websocket.ping_interval = \"0s\"",
        "websocket.ping_interval = 5",
        "websocket.ping_interval = true",
        "limits.max_message = 1048576",
    ] {
        match read(text) {
            Ok(config) => writeln!(lines, "{text} -> {:?}", config.websocket.ping_interval),
            Err(error) => writeln!(lines, "{text} -> error: {error}"),
        }
        .expect("a String takes every line");
    }
    expect![[r#"
        websocket.ping_interval = 0 -> None
        websocket.ping_interval = "0s" -> None
        websocket.ping_interval = 5 -> error: invalid type: integer `5`, expected a time with its unit, such as "100ms", "25s" or "5m"
        websocket.ping_interval = true -> error: invalid type: boolean `true`, expected a time with its unit, such as "100ms", "25s" or "5m"
        limits.max_message = 1048576 -> error: invalid type: integer `1048576`, expected a size with its unit, such as "64KiB" or "1MiB"
    "#]].assert_eq(&lines);
}

#[test]
fn counts_are_whole_numbers_in_their_range() {
    let mut lines = String::new();
    for text in [
        "backend.max_in_flight = 0",
        "backend.max_in_flight = 4294967295",
        "backend.max_in_flight = 4294967296",
        "backend.max_in_flight = -1",
        "backend.max_in_flight = 1.5",
        "backend.max_in_flight = \"1\"",
        "limits.max_commands = 1",
        "limits.max_commands = 0",
    ] {
        match read(text) {
            Ok(config) => writeln!(lines, "{text} -> {:?}", config.backend.max_in_flight),
            Err(error) => writeln!(lines, "{text} -> error: {error}"),
        }
        .expect("a String takes every line");
    }
    expect![[r#"
        backend.max_in_flight = 0 -> None
        backend.max_in_flight = 4294967295 -> Some(4294967295)
        backend.max_in_flight = 4294967296 -> error: invalid value: integer `4294967296`, expected a whole number from 0 to 4294967295
        backend.max_in_flight = -1 -> error: invalid value: integer `-1`, expected a whole number from 0 to 4294967295
        backend.max_in_flight = 1.5 -> error: invalid type: floating point `1.5`, expected a whole number from 0 to 4294967295
        backend.max_in_flight = "1" -> error: invalid type: string "1", expected a whole number from 0 to 4294967295
        limits.max_commands = 1 -> Some(256)
        limits.max_commands = 0 -> error: invalid value: integer `0`, expected a whole number from 1 to 4294967295
    "#]].assert_eq(&lines);
}

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
fn endpoint_paths_are_exact_or_end_with_a_star() {
    check::<EndpointPath>(
        &[
            "*", "/*", "/chat", "chat", "/chat/*", "chat/*", "/", "/a*", "/*/b", "", "/a?b", "/ä",
        ],
        expect![[r#"
            * -> Any
            /* -> Any
            /chat -> Exact("/chat")
            chat -> Exact("/chat")
            /chat/* -> Prefix("/chat/")
            chat/* -> Prefix("/chat/")
            / -> Exact("/")
            /a* -> error: `/a*`: a `*` stands alone or at the end, as in "/chat/*"
            /*/b -> error: `/*/b`: a `*` stands alone or at the end, as in "/chat/*"
             -> error: an endpoint needs a path; "*" is every path
            /a?b -> error: `/a?b`: the character '?' is never part of a request's path; write it %-encoded
            /ä -> error: `/ä`: the character 'ä' is never part of a request's path; write it %-encoded
        "#]],
    );
}

#[test]
fn endpoints_have_a_short_form() {
    check::<Endpoint>(
        &[
            "*=echo",
            "/a=b=wsbroker",
            "/chat",
            "/chat=",
            "=echo",
            "*=socketio",
            "*=wsmsgbroker",
        ],
        expect![[r#"
            *=echo -> Endpoint { path: Any, dialect: Echo, binary: Event }
            /a=b=wsbroker -> Endpoint { path: Exact("/a=b"), dialect: Wsbroker, binary: Event }
            /chat -> error: `/chat` is not PATH=DIALECT, such as /chat=wsbroker
            /chat= -> error: `` is not one of: wsbroker, echo
            =echo -> error: an endpoint needs a path; "*" is every path
            *=socketio -> error: `socketio` is not available in this version; available: wsbroker, echo
            *=wsmsgbroker -> error: `wsmsgbroker` is not available in this version; available: wsbroker, echo
        "#]],
    );
}

#[test]
fn the_most_specific_path_wins() {
    let endpoints: Vec<Endpoint> = ["*=wsbroker", "/a/*=echo", "/a/b/*=wsbroker", "/a/b=echo"]
        .map(|text| text.parse().expect("an endpoint"))
        .into();
    let mut lines = String::new();
    for path in ["/", "/a", "/a/", "/a/x", "/a/b", "/a/b/", "/a/b/c", "/A/x"] {
        let winner = Endpoint::route(&endpoints, path).expect("`*` takes every path");
        writeln!(lines, "{path} -> {}", winner.path).expect("a String takes every line");
    }
    expect![[r#"
        / -> *
        /a -> *
        /a/ -> /a/*
        /a/x -> /a/*
        /a/b -> /a/b
        /a/b/ -> /a/b/*
        /a/b/c -> /a/b/*
        /A/x -> *
    "#]]
    .assert_eq(&lines);
    assert_eq!(Endpoint::route(&endpoints[1..], "/"), None);
}

#[test]
fn backends_are_http_urls_or_words() {
    check::<BackendTarget>(
        &[
            "none",
            "demo",
            "http://127.0.0.1:8000/hook?a=1",
            "HTTP://user:secret@example.org/x",
            "http://user:se@cret@example.org/x",
            "https://example.org/",
            "unix:/run/app.sock:/url",
            "http://",
            "http:///x",
            "http://a b/",
            "ftp://user:secret@example.org/",
            "example.org",
            "",
        ],
        expect![[r#"
            none -> None
            demo -> Demo
            http://127.0.0.1:8000/hook?a=1 -> Http("http://127.0.0.1:8000/hook?a=1")
            HTTP://user:secret@example.org/x -> Http("http://user:…@example.org/x")
            http://user:se@cret@example.org/x -> Http("http://user:…@example.org/x")
            https://example.org/ -> error: https:// backends come with TLS; not in this version
            unix:/run/app.sock:/url -> Http("unix:/run/app.sock:/url")
            http:// -> error: the backend's URL names no host
            http:///x -> error: the backend's URL names no host
            http://a b/ -> error: the host of the backend's URL cannot be read: invalid uri character
            ftp://user:secret@example.org/ -> error: expected http://HOST[:PORT]/PATH, unix:PATH:/URL, demo or none
            example.org -> error: expected http://HOST[:PORT]/PATH, unix:PATH:/URL, demo or none
             -> error: expected http://HOST[:PORT]/PATH, unix:PATH:/URL, demo or none
        "#]],
    );
}

#[test]
fn words_of_later_versions_are_refused_by_name() {
    check::<Dialect>(
        &["wsbroker", "echo", "socketio", "wsmsgbroker", "Echo"],
        expect![[r#"
            wsbroker -> Wsbroker
            echo -> Echo
            socketio -> error: `socketio` is not available in this version; available: wsbroker, echo
            wsmsgbroker -> error: `wsmsgbroker` is not available in this version; available: wsbroker, echo
            Echo -> error: `Echo` is not one of: wsbroker, echo
        "#]],
    );
    check::<OnFull>(
        &["pause", "drop_oldest", "drop_newest", "close", "wait"],
        expect![[r#"
            pause -> Pause
            drop_oldest -> error: `drop_oldest` is not available in this version; available: pause
            drop_newest -> error: `drop_newest` is not available in this version; available: pause
            close -> error: `close` is not available in this version; available: pause
            wait -> error: `wait` is not one of: pause
        "#]],
    );
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

#[test]
fn tokens_are_visible_ascii_and_never_shown() {
    check::<Token>(
        &["s3cret", "", "two words", "tökén"],
        expect![[r#"
        s3cret -> Token(…)
         -> error: a token is empty
        two words -> error: a token holds a blank or a character that is not visible ASCII
        tökén -> error: a token holds a blank or a character that is not visible ASCII
    "#]],
    );
}

#[test]
fn subprotocols_are_tokens() {
    check::<Subprotocol>(
        &["chat.v1", "", "a b", "a,b"],
        expect![[r#"
        chat.v1 -> Subprotocol { name: "chat.v1" }
         -> error: `` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~
        a b -> error: `a b` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~
        a,b -> error: `a,b` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~
    "#]],
    );
}

#[test]
fn cookies_are_a_word_or_a_list() {
    let cookies = |text: &str| read(text).map(|config| config.session.cookies);
    assert_eq!(cookies("session.cookies = \"none\""), Ok(Cookies::None));
    let named = Cookies::Named(vec!["sid".to_owned(), "lang".to_owned()]);
    assert_eq!(
        cookies("session.cookies = [\" SID\", \"lang\"]"),
        Ok(named.clone())
    );
    assert!(named.keeps("sid") && !named.keeps("other"));
    assert!(Cookies::All.keeps("other") && !Cookies::None.keeps("sid"));
    expect![[r#"invalid value: string "some", expected "all", "none" or a list of cookie names"#]]
        .assert_eq(&cookies("session.cookies = \"some\"").expect_err("no such word"));
}
