use super::*;

fn read(text: &str) -> HttpUrl {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn fault(text: &str) -> String {
    text.parse::<HttpUrl>().expect_err(text).to_string()
}

#[test]
fn path_and_query_are_kept_and_a_fragment_is_not() {
    for (text, uri) in [
        ("http://h", "http://h/"),
        ("HTTP://h:8080?a=b", "http://h:8080/?a=b"),
        (
            "http://h/a/b.php?x=/1&y=http://z#top",
            "http://h/a/b.php?x=/1&y=http://z",
        ),
        ("http://[::1]:81/%C3%A9", "http://[::1]:81/%C3%A9"),
    ] {
        assert_eq!(read(text).uri().to_string(), uri, "{text}");
    }
}

#[test]
fn the_host_header_leaves_out_the_port_80() {
    assert_eq!(read("http://app:80/").host(), "app");
    assert_eq!(read("http://app:8080/").host(), "app:8080");
    assert_eq!(read("http://[::1]:80/").host(), "[::1]");
}

#[test]
fn https_names_whom_the_certificate_has_to_be_for_and_has_the_port_443() {
    for (text, name) in [
        ("HTTPS://App.example.org/", "app.example.org"),
        ("https://u:p@10.0.0.1:8443/x", "10.0.0.1"),
        ("https://[::1]:8443", "::1"),
    ] {
        let url = read(text);
        let expected = ServerName::try_from(name).unwrap();
        assert_eq!(url.server_name(), Some(&expected), "{text}");
        assert_eq!(url.uri().scheme_str(), Some("https"), "{text}");
    }
    assert_eq!(read("http://app/").server_name(), None);
    assert_eq!(read("unix:app.sock").server_name(), None);
    assert_eq!(read("https://app:443/").host(), "app");
    assert_eq!(read("https://app:80/").host(), "app:80");
    assert_eq!(read("http://app:443/").host(), "app:443");
    let shown = read("https://ann:hush@app:8443/x?y").to_string();
    assert_eq!(shown, "https://ann:…@app:8443/x?y");
}

#[test]
fn a_user_becomes_basic_authorization() {
    for (text, pair) in [
        ("http://us%65r:pa%3Ass@h/", "user:pa:ss"),
        ("http://user@h/", "user:"),
        ("http://user:p@ss@h/", "user:p@ss"),
        ("http://user:100%@h/", "user:100%"),
    ] {
        let expected = format!("Basic {}", BASE64.encode(pair));
        assert_eq!(read(text).authorization().unwrap(), &expected, "{text}");
    }
    assert_eq!(read("http://h/a@b").authorization(), None);
}

#[test]
fn a_password_is_never_shown() {
    let url = read("http://ann:secret@h:8080/x?y#z");
    assert_eq!(url.to_string(), "http://ann:…@h:8080/x?y");
    assert_eq!(format!("{url:?}"), "\"http://ann:…@h:8080/x?y\"");
    assert!(!format!("{:?}", url.authorization()).contains("Basic"));
    for text in [
        "http://ann:secret@h:99999/",
        "http://ann:secret@/",
        "ftp://ann:secret@h/",
    ] {
        assert!(!fault(text).contains("secret"), "{text}");
    }
}

#[test]
fn a_unix_socket_is_followed_by_a_url() {
    let url = read("unix:/run/app.sock:/events?x=1");
    assert_eq!(url.socket(), Some(Path::new("/run/app.sock")));
    assert_eq!(url.uri(), "http://localhost/events?x=1");
    assert_eq!(url.to_string(), "unix:/run/app.sock:/events?x=1");

    let url = read("unix:app.sock");
    assert_eq!(url.socket(), Some(Path::new("app.sock")));
    assert_eq!(url.uri(), "http://localhost/");
}

#[test]
fn faults_are_named() {
    for text in ["", "h/x", "ftp://h/", "http:/h", "://h"] {
        assert_eq!(
            fault(text),
            "a backend's URL begins with http://, https:// or unix:",
            "{text}"
        );
    }
    for text in [
        "http://",
        "http:///x",
        "http://user@/x",
        "http://:80/",
        "https://",
    ] {
        assert_eq!(fault(text), "the backend's URL names no host", "{text}");
    }
    assert_eq!(fault("http://h:99999/"), "`99999` is no port");
    assert_eq!(fault("http://h:0/"), "`0` is no port");
    assert_eq!(fault("http://h:/"), "`` is no port");
    assert_eq!(fault("http://h:http/"), "`http` is no port");
    assert!(fault("https://a_b-/").starts_with("the host of the backend's URL cannot be read"));
    assert!(fault("unix:").starts_with("unix: is followed by"));
    assert!(fault("unix::/x").starts_with("unix: is followed by"));
    assert!(fault("http://a b/").starts_with("the host of the backend's URL cannot be read"));
    assert!(fault("http://h/a b").starts_with("the path of the backend's URL cannot be read"));
}
