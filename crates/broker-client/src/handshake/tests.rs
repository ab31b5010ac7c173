use super::*;

fn check(url: &str, expected: &str) {
    let seen = match Address::parse(url) {
        Ok(address) => format!("{} {} {}", address.host, address.port, address.uri),
        Err(error) => error.to_string(),
    };
    assert_eq!(seen, expected, "{url}");
}

#[test]
fn an_address_has_a_host_and_the_port_of_its_scheme() {
    check("ws://example.org", "example.org 80 ws://example.org/");
    check(
        "ws://localhost:9042/foo?x=1",
        "localhost 9042 ws://localhost:9042/foo?x=1",
    );
    check("ws://[::1]:81/", "::1 81 ws://[::1]:81/");
}

#[cfg(feature = "tls")]
#[test]
fn an_address_of_tls_has_the_port_of_tls() {
    check("wss://example.org/a", "example.org 443 wss://example.org/a");
}

#[test]
fn what_is_no_address_is_told() {
    let refusal = |why: &str| format!("not an address of a WebSocket server: {why}");
    let scheme = refusal("it begins with neither ws:// nor wss://");
    check("http://example.org/", &scheme);
    check("example.org", &scheme);
    check("/foo", &scheme);
    check("", &refusal("it is no URL"));
    check("ws://", &refusal("it is no URL"));
    check("ws://exam ple/", &refusal("it is no URL"));
    check("ws://:80/", &refusal("it has no host"));
    check(
        "ws://me:secret@example.org/",
        &refusal("a user's name in it would not be sent"),
    );
}
