//! The compatible door for commands on the public port, and what else is asked there.

use broker_testkit::client::{Answer, Raw};
use expect_test::{Expect, expect};

use crate::broker::Broker;

const OPEN: &str = "access.allow = ['127.0.0.1']\naccess.tokens = ['right']\n\
                    access.origins = ['https://app.example']\n[limits]\nmax_body = '1KiB'\nmax_commands = 3\n";

async fn check(config: &str, headers: &[(&str, &str)], body: &str, expected: Expect) {
    let broker = Broker::alone(config);
    let answer = broker.post(headers, body).await;
    expected.assert_eq(&shown(&answer));
}

fn shown(answer: &Answer) -> String {
    let body = match answer.body.len() {
        0..200 => answer.body.trim_end().to_owned(),
        long => format!("({long} bytes)"),
    };
    format!("{} {body}", answer.status)
}

const COUNT: &str = r#"[{"type":"count"}]"#;

#[tokio::test]
async fn it_is_shut_by_default() {
    check("", &[], COUNT, expect!["403 access denied"]).await;
    check(
        "access.allow = ['10.0.0.0/8']",
        &[],
        COUNT,
        expect!["403 access denied"],
    )
    .await;
}

#[tokio::test]
async fn it_is_open_to_allowed_addresses_and_to_tokens() {
    check(
        "access.allow = ['127.0.0.0/8']",
        &[],
        COUNT,
        expect!["200 [0]"],
    )
    .await;
    check(
        "access.allow = ['::ffff:127.0.0.1']",
        &[],
        COUNT,
        expect!["200 [0]"],
    )
    .await;
    let token = "access.tokens = ['right']";
    check(
        token,
        &[("authorization", "Bearer right")],
        COUNT,
        expect!["200 [0]"],
    )
    .await;
    check(
        token,
        &[("authorization", "bearer right")],
        COUNT,
        expect!["200 [0]"],
    )
    .await;
    check(
        token,
        &[("authorization", "Bearer wrong")],
        COUNT,
        expect!["401 the token is wrong"],
    )
    .await;
    check(
        token,
        &[("authorization", "Bearer right2")],
        COUNT,
        expect!["401 the token is wrong"],
    )
    .await;
    check(
        token,
        &[("authorization", "Basic right")],
        COUNT,
        expect!["403 access denied"],
    )
    .await;
    check(
        token,
        &[("authorization", "Bearer")],
        COUNT,
        expect!["401 the token is wrong"],
    )
    .await;
    check(token, &[], COUNT, expect!["403 access denied"]).await;
    // Another scheme is no token, and says nothing against an allowed address.
    check(
        OPEN,
        &[("authorization", "Basic dXNlcjpwYXNz")],
        COUNT,
        expect!["200 [0]"],
    )
    .await;
    // Who brings a wrong token is turned away, wherever it comes from.
    check(
        OPEN,
        &[("authorization", "Bearer wrong")],
        COUNT,
        expect!["401 the token is wrong"],
    )
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_told_which_kind_is_wanted() {
    let broker = Broker::alone("access.tokens = ['right']");
    let answer = broker
        .post(&[("authorization", "Bearer wrong")], COUNT)
        .await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_request_that_came_through_a_proxy_needs_a_token() {
    for name in [
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Real-IP",
        "Via",
    ] {
        check(
            OPEN,
            &[(name, "127.0.0.1")],
            COUNT,
            expect!["403 access denied"],
        )
        .await;
        let with_token = [(name, "127.0.0.1"), ("authorization", "Bearer right")];
        check(OPEN, &with_token, COUNT, expect!["200 [0]"]).await;
    }
}

#[tokio::test]
async fn a_web_page_needs_a_token_and_a_host_that_is_ours() {
    for sign in [
        ("Origin", "https://app.example"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "none"),
    ] {
        check(
            OPEN,
            &[sign],
            COUNT,
            expect!["403 requests of web pages need a token"],
        )
        .await;
        let token = ("authorization", "Bearer right");
        for host in [
            "localhost",
            "LOCALHOST:4080",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:4080",
            "app.example",
        ] {
            check(
                OPEN,
                &[sign, token, ("Host", host)],
                COUNT,
                expect!["200 [0]"],
            )
            .await;
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "app.example.evil",
            "127.0.0.1.evil.example:80",
        ] {
            check(
                OPEN,
                &[sign, token, ("Host", host)],
                COUNT,
                expect!["403 the Host of a web page's request must be an address, localhost or a host of access.origins"],
            )
            .await;
        }
    }
}

#[tokio::test]
async fn commands_come_as_a_form_as_json_or_as_multipart() {
    let form = "application/x-www-form-urlencoded";
    let encoded = "data=%5B%7B%22type%22%3A%22count%22%7D%5D";
    check(OPEN, &[("content-type", form)], encoded, expect!["200 [0]"]).await;
    check(
        OPEN,
        &[(
            "content-type",
            "Application/X-WWW-Form-UrlEncoded; charset=utf-8",
        )],
        &format!("x=1&{encoded}"),
        expect!["200 [0]"],
    )
    .await;
    check(OPEN, &[], encoded, expect!["200 [0]"]).await;
    check(
        OPEN,
        &[("content-type", "application/json")],
        encoded,
        expect!["200 [0]"],
    )
    .await;
    check(OPEN, &[], r#" {"type":"count"} "#, expect!["200 [0]"]).await;
    check(
        OPEN,
        &[("content-type", "text/plain")],
        COUNT,
        expect!["200 [0]"],
    )
    .await;
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n\
                     --b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n[{\"type\":\"count\"}]\r\n--b--\r\n";
    check(
        OPEN,
        &[("content-type", "multipart/form-data; boundary=b")],
        multipart,
        expect!["200 [0]"],
    )
    .await;
}

#[tokio::test]
async fn no_commands_have_an_empty_answer() {
    check(OPEN, &[], "", expect!["200 "]).await;
    check(OPEN, &[], "[]", expect!["200 "]).await;
    check(OPEN, &[], "data=", expect!["200 "]).await;
    check(
        OPEN,
        &[("content-type", "application/x-www-form-urlencoded")],
        "other=1",
        expect!["200 "],
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_whole() {
    check(
        OPEN,
        &[],
        "data=[",
        expect!["400 not JSON: EOF while parsing a list at line 1 column 1"],
    )
    .await;
    check(
        OPEN,
        &[],
        r#"[{"type":"count"}] x"#,
        expect!["400 not JSON: trailing characters at line 1 column 20"],
    )
    .await;
    check(
        OPEN,
        &[],
        "5",
        expect!["400 commands must be a list of objects or one object, got a number"],
    )
    .await;
    check(
        OPEN,
        &[],
        "null",
        expect!["400 commands must be a list of objects or one object, got null"],
    )
    .await;
    check(
        OPEN,
        &[("content-type", "multipart/form-data; boundary=b")],
        "no parts",
        expect!["400 the body could not be read: incomplete multipart stream"],
    )
    .await;
    check(
        OPEN,
        &[],
        &"[".repeat(1000),
        expect!["400 not JSON: recursion limit exceeded at line 1 column 128"],
    )
    .await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_with_413() {
    check(
        OPEN,
        &[],
        r#"[{},{},{},{}]"#,
        expect!["413 4 commands are more than the limit max_commands of 3"],
    )
    .await;
    check(
        OPEN,
        &[],
        &" ".repeat(1025),
        expect!["413 the body is longer than the limit max_body of 1024 bytes"],
    )
    .await;
    check(OPEN, &[], &" ".repeat(1024), expect!["200 "]).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_refused_while_it_is_read() {
    let broker = Broker::alone(OPEN);
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    raw.write(format!("400\r\n{}\r\n1\r\n \r\n", " ".repeat(1024)))
        .await;
    assert_eq!(raw.answer().await.status, 413);
}

#[tokio::test]
async fn a_huge_length_is_refused_before_the_body_is_asked_for() {
    let broker = Broker::alone(OPEN);
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n",
    )
    .await;
    assert_eq!(raw.answer().await.status, 413);
}

#[tokio::test]
async fn an_error_of_one_command_stands_in_its_place() {
    let body = r#"[{"type":"sned"},{"type":"count"},5]"#;
    check(OPEN, &[], body, expect![[r#"200 [{"ok":false,"type":"sned","error":"unknown command `sned`","hint":"did you mean send?"},0,{"ok":false,"error":"a command must be an object, got a number"}]"#]]).await;
    check(
        OPEN,
        &[],
        r#"[{"type":"__proto__"}]"#,
        expect![[r#"200 [{"ok":false,"type":"__proto__","error":"unknown command `__proto__`"}]"#]],
    )
    .await;
}

#[tokio::test]
async fn other_requests_are_told_what_this_port_is_for() {
    let broker = Broker::alone("[[endpoint]]\npath = '/ws'\n");
    let mut raw = Raw::connect(broker.addr()).await;
    let answer = raw.request("GET", "/", &[], "").await;
    assert_eq!(
        (answer.status, answer.header("upgrade")),
        (426, Some("websocket"))
    );
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = raw.request(method, "/ws", &[], "").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, POST")),
            "{method}"
        );
    }
    assert_eq!(
        raw.request("GET", &format!("/{}", "x".repeat(8 * 1024)), &[], "")
            .await
            .status,
        414
    );
    let mut raw = Raw::connect(broker.addr()).await;
    assert_eq!(raw.upgrade("/elsewhere", &[]).await.status, 404);
    assert_eq!(raw.upgrade("/ws?query=1", &[]).await.status, 101);
}

#[tokio::test]
async fn a_refused_upgrade_leaves_the_connection_fit_for_a_good_one() {
    let broker = Broker::alone(
        "limits.max_connections = 1\nlimits.max_session = '1KiB'\naccess.origins = ['https://app.example']",
    );
    let mut raw = Raw::connect(broker.addr()).await;
    let cookies = format!("a={}", "x".repeat(1024));
    assert_eq!(raw.upgrade("/", &[("cookie", &cookies)]).await.status, 431);
    for origin in ["https://app.example.evil", "null", "http://app.example"] {
        assert_eq!(raw.upgrade("/", &[("origin", origin)]).await.status, 403);
    }
    // Its place is still taken.
    assert_eq!(Raw::connect(broker.addr()).await.answer().await.status, 503);
    assert_eq!(
        raw.upgrade("/", &[("origin", "https://app.example")])
            .await
            .status,
        101
    );
}

#[tokio::test]
async fn bad_handshakes_are_refused() {
    let broker = Broker::alone("");
    let mut raw = Raw::connect(broker.addr()).await;
    let upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
    let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = raw
        .request(
            "GET",
            "/",
            &[upgrade[0], upgrade[1], key, ("Sec-WebSocket-Version", "8")],
            "",
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-version")),
        (426, Some("13"))
    );
    let short = ("Sec-WebSocket-Key", "short");
    let answer = raw
        .request(
            "GET",
            "/",
            &[
                upgrade[0],
                upgrade[1],
                short,
                ("Sec-WebSocket-Version", "13"),
            ],
            "",
        )
        .await;
    assert_eq!(answer.status, 400);
}
