use super::*;

fn access() -> Access {
    Access {
        trusted_proxies: ["10.0.0.0/8", "::1"]
            .map(|rule| rule.parse().unwrap())
            .into(),
        ..Access::default()
    }
}

fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        map.append(name.parse::<HeaderName>().unwrap(), value);
    }
    map
}

fn check_caller(caller: Caller, headers: &[(&str, &str)], expected: &str) {
    let seen = match client_ip(caller, &header_map(headers), &access()) {
        Ok(Some(ip)) => ip.to_string(),
        Ok(None) => "unix".to_owned(),
        Err(unclear) => unclear.reason().to_owned(),
    };
    assert_eq!(seen, expected, "{headers:?}");
}

fn check(peer: &str, headers: &[(&str, &str)], expected: &str) {
    let peer = (peer != "unix").then(|| peer.parse().unwrap());
    check_caller(Caller::Peer(peer), headers, expected);
}

/// What a client behind a proxy is taken for when the proxy writes the one header, and the client the other.
fn check_forged(written: (&str, &str), forged: (&str, &str), expected: &str) {
    check("10.0.0.1", &[written, forged], expected);
    check("10.0.0.1", &[forged, written], expected);
}

const DISAGREEMENT: &str = "X-Forwarded-For and Forwarded name different clients";

#[test]
fn a_peer_that_is_no_proxy_is_the_client() {
    let forged = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=6.6.6.7")];
    check("1.2.3.4", &forged, "1.2.3.4");
    check("10.0.0.1", &[], "10.0.0.1");
    check("unix", &[], "unix");
}

#[test]
fn behind_a_trusted_proxy_the_right_most_untrusted_address_is_the_client() {
    let plain = |peer, line, client| check(peer, &[("x-forwarded-for", line)], client);
    plain("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4");
    plain("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3");
    plain("unix", "1.2.3.4", "1.2.3.4");
    plain("::1", "::ffff:1.2.3.4", "1.2.3.4");
    let lines = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "1.2.3.4"),
    ];
    check("10.0.0.1", &lines, "1.2.3.4");
}

#[test]
fn the_standard_header_is_read_too() {
    let standard = |line, client| check("10.0.0.1", &[("forwarded", line)], client);
    standard(
        "for=6.6.6.6, for=\"[2001:db8::1]:4711\";proto=https",
        "2001:db8::1",
    );
    standard("proto=http;For=1.2.3.4:80, for=10.0.0.2", "1.2.3.4");
}

#[test]
fn what_cannot_be_read_ends_the_search() {
    check(
        "10.0.0.1",
        &[("x-forwarded-for", "1.2.3.4, nonsense, 10.0.0.2")],
        "10.0.0.2",
    );
    check("10.0.0.1", &[("x-forwarded-for", "")], "10.0.0.1");
    check("10.0.0.1", &[("forwarded", "for=unknown")], "10.0.0.1");
    check(
        "10.0.0.1",
        &[("forwarded", "for=6.6.6.6;for=1.2.3.4")],
        "10.0.0.1",
    );
}

#[test]
fn a_header_that_the_proxy_does_not_write_is_never_believed_before_the_one_it_writes() {
    check_forged(
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "6.6.6.6"),
        DISAGREEMENT,
    );
    check_forged(
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=6.6.6.6"),
        DISAGREEMENT,
    );
    check_forged(
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=unknown"),
        DISAGREEMENT,
    );
    check_forged(
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "10.0.0.9"),
        DISAGREEMENT,
    );
}

#[test]
fn headers_that_name_the_same_client_are_both_believed() {
    check_forged(
        ("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.2"),
        ("forwarded", "for=7.7.7.7, for=\"1.2.3.4:99\""),
        "1.2.3.4",
    );
    // This says nothing of whom the request is from.
    check_forged(
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "proto=https"),
        "1.2.3.4",
    );
}

#[test]
fn what_a_client_has_written_into_its_line_does_not_hide_what_the_proxy_adds() {
    check("10.0.0.1", &[("x-forwarded-for", "é, 1.2.3.4")], "1.2.3.4");
    check(
        "10.0.0.1",
        &[("forwarded", "for=é, for=1.2.3.4")],
        "1.2.3.4",
    );
    check(
        "10.0.0.1",
        &[("forwarded", "for=1.2.3.4;host=\"x,for=6.6.6.6\"")],
        "1.2.3.4",
    );
    check(
        "10.0.0.1",
        &[("forwarded", "for=1.2.3.4;host=\"x\\\",for=6.6.6.6\"")],
        "1.2.3.4",
    );
    let open = "Forwarded has a quoted string without an end";
    check("10.0.0.1", &[("forwarded", "for=\"x, for=1.2.3.4")], open);
}

#[test]
fn a_client_that_a_proxy_has_named_is_believed_no_more_than_a_peer() {
    let named = |ip: &str| Caller::Named(ip.parse().unwrap());
    let forged = [("x-forwarded-for", "6.6.6.6")];
    check_caller(named("1.2.3.4"), &forged, "1.2.3.4");
    check_caller(named("10.0.0.7"), &forged, "6.6.6.6");
    let proxy = Some("10.0.0.1".parse().unwrap());
    check_caller(Caller::Unnamed(proxy), &forged, "10.0.0.1");
    check_caller(Caller::Unnamed(None), &forged, "unix");
}

#[test]
fn names_with_an_underscore_tell_of_a_proxy_but_are_never_believed() {
    let forged = [("x_forwarded_for", "6.6.6.6")];
    check("10.0.0.1", &forged, "10.0.0.1");
    for name in [
        "x_forwarded_for",
        "X-Forwarded_Proto",
        "x_real_ip",
        "via",
        "Forwarded",
    ] {
        let headers = header_map(&[(name, "6.6.6.6")]);
        assert!(Caller::Peer(None).is_forwarded(&headers), "{name}");
    }
    assert!(!Caller::Peer(None).is_forwarded(&header_map(&[("x-forward", "1")])));
    assert!(Caller::Unnamed(None).is_forwarded(&HeaderMap::new()));
}
