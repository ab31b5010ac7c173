//! The admin port.

use broker_testkit::client::{Answer, Client, Raw};
use expect_test::{Expect, expect};

use crate::broker::{Broker, Directory};

const COUNT: &str = r#"{"type":"count"}"#;
const GUARDED: &str =
    "access.tokens = ['right', 'other']\naccess.origins = ['https://admin.example']";

async fn check(config: &str, headers: &[(&str, &str)], body: &str, expected: Expect) {
    let broker = Broker::alone(config);
    let answer = broker.admin(headers, body).await;
    if answer.status != 200 {
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    expected.assert_eq(&shown(&answer));
}

fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body.trim_end())
}

#[tokio::test]
async fn commands_have_receipts() {
    let config = "listen.shards = 3";
    check(
        config,
        &[],
        COUNT,
        expect![[r#"200 [{"ok":true,"type":"count","matched":0}]"#]],
    )
    .await;
    check(config, &[], "[]", expect!["200 []"]).await;
    let broker = Broker::alone(config);
    let mut client = broker.client("").await;
    let list = r#"[{"type":"send","message":{"a":1},"match":{}},{"type":"session","data":{"x":1}},
                   {"type":"log","text":"hi"},{"type":"send"},{"type":"send","message":1,"extra":2},{"type":"close"}]"#;
    let answer = broker.admin(&[], list).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    expect![[r#"200 [{"ok":true,"type":"send","matched":1,"queued":1,"dropped":0},{"ok":true,"type":"session","matched":1},{"ok":true,"type":"log"},{"ok":false,"type":"send","error":"`send` needs one of `message`, `text` and `binary`"},{"ok":false,"type":"send","error":"unknown field `extra`"},{"ok":true,"type":"close","matched":1}]"#]].assert_eq(&shown(&answer));
    assert_eq!(
        client.rest().await,
        (vec![r#"{"a":1}"#.to_owned()], 1000, String::new())
    );
}

#[tokio::test]
async fn where_there_are_tokens_everything_but_the_probes_needs_one() {
    check(
        GUARDED,
        &[],
        COUNT,
        expect![[r#"401 {"detail":"a token is needed","status":401,"title":"Unauthorized"}"#]],
    )
    .await;
    check(
        GUARDED,
        &[("authorization", "Bearer wrong")],
        COUNT,
        expect![[r#"401 {"detail":"the token is wrong","status":401,"title":"Unauthorized"}"#]],
    )
    .await;
    for token in ["Bearer right", "Bearer other"] {
        check(
            GUARDED,
            &[("authorization", token)],
            COUNT,
            expect![[r#"200 [{"ok":true,"type":"count","matched":0}]"#]],
        )
        .await;
    }
    let broker = Broker::alone(GUARDED);
    let mut raw = Raw::connect(broker.admin_addr()).await;
    for (path, status) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/api/v1/commands", 401),
        ("/", 401),
        ("/nothing", 401),
    ] {
        let answer = raw.request("GET", path, &[], "").await;
        assert_eq!(answer.status, status, "{path}");
        if status == 401 {
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[tokio::test]
async fn a_token_file_opens_it_too() {
    let directory = Directory::new();
    let file = directory.file("tokens");
    std::fs::write(&file, "# for the robot\nfiled\n").unwrap();
    let config = format!("access.token_file = '{}'", file.display());
    check(
        &config,
        &[],
        COUNT,
        expect![[r#"401 {"detail":"a token is needed","status":401,"title":"Unauthorized"}"#]],
    )
    .await;
    check(
        &config,
        &[("authorization", "Bearer filed")],
        COUNT,
        expect![[r#"200 [{"ok":true,"type":"count","matched":0}]"#]],
    )
    .await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let foreign = [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "null"),
    ];
    for sign in foreign {
        check("", &[sign], COUNT, expect![[r#"403 {"detail":"requests of web pages need a token","status":403,"title":"Forbidden"}"#]]).await;
    }
    let own = ("Origin", "http://localhost");
    check(
        "",
        &[own, ("Sec-Fetch-Site", "same-origin")],
        COUNT,
        expect![[r#"200 [{"ok":true,"type":"count","matched":0}]"#]],
    )
    .await;
    // A name of somebody else's that was pointed here (DNS rebinding).
    let rebound = [
        ("Origin", "http://evil.example:4081"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Host", "evil.example:4081"),
    ];
    check("", &rebound, COUNT, expect![[r#"403 {"detail":"the Host of a web page's request must be an address, localhost or a host of access.origins","status":403,"title":"Forbidden"}"#]]).await;
    let guarded = [
        rebound[0],
        rebound[1],
        rebound[2],
        ("authorization", "Bearer right"),
    ];
    check(GUARDED, &guarded, COUNT, expect![[r#"403 {"detail":"the Host of a web page's request must be an address, localhost or a host of access.origins","status":403,"title":"Forbidden"}"#]]).await;
    let known = [
        ("Origin", "https://admin.example"),
        ("Host", "admin.example"),
        ("authorization", "Bearer right"),
    ];
    check(
        GUARDED,
        &known,
        COUNT,
        expect![[r#"200 [{"ok":true,"type":"count","matched":0}]"#]],
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem() {
    check("", &[], "[", expect![[r#"400 {"detail":"not JSON: EOF while parsing a list at line 1 column 1","status":400,"title":"Bad Request"}"#]]).await;
    check("limits.max_commands = 2", &[], "[1,2,3]", expect![[r#"413 {"detail":"3 commands are more than the limit max_commands of 2","status":413,"title":"Payload Too Large"}"#]]).await;
    check("limits.max_body = '8B'", &[], "[1,2,3,4,5]", expect![[r#"413 {"detail":"the body is longer than the limit max_body of 8 bytes","status":413,"title":"Payload Too Large"}"#]]).await;
}

#[tokio::test]
async fn other_requests_are_told_what_is_here() {
    let broker = Broker::alone("");
    let mut raw = Raw::connect(broker.admin_addr()).await;
    let answer = raw.request("GET", "/api/v1/commands", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    let answer = raw.request("POST", "/livez", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
    assert_eq!(raw.request("GET", "/nothing", &[], "").await.status, 404);
    assert_eq!(raw.upgrade("/", &[]).await.status, 404);
    assert_eq!(
        shown(&raw.request("GET", "/livez", &[], "").await),
        "200 ok"
    );
    assert_eq!(
        shown(&raw.request("GET", "/readyz", &[], "").await),
        "200 ready"
    );
}

#[tokio::test]
async fn both_ports_can_be_unix_sockets_whose_peers_are_allowed() {
    let directory = Directory::new();
    let listen = format!(
        "[listen]\npublic = '{}'\nadmin = '{}'",
        directory.unix("public"),
        directory.unix("admin")
    );
    let broker = Broker::alone(&listen);
    let (public, admin) = (directory.file("public"), directory.file("admin"));
    let proxied = [("x-forwarded-for", "192.0.2.7")];
    let mut client = Client::connect_unix(&public, "/", &proxied).await;
    broker
        .until("the session", |report| report.connections == 1)
        .await;

    let list = r#"[{"type":"list","fields":["ip"]},{"type":"send","message":"hi"}]"#;
    let answer = Raw::connect_unix(&public)
        .await
        .request("POST", "/", &[], list)
        .await;
    assert_eq!(shown(&answer), r#"200 [[{"ip":"192.0.2.7"}],null]"#);
    let answer = Raw::connect_unix(&public)
        .await
        .request("POST", "/", &proxied, list)
        .await;
    assert_eq!(shown(&answer), "403 access denied");
    assert_eq!(client.text().await, r#""hi""#);
    let answer = Raw::connect_unix(&admin)
        .await
        .request("POST", "/api/v1/commands", &[], COUNT)
        .await;
    assert_eq!(
        shown(&answer),
        r#"200 [{"ok":true,"type":"count","matched":1}]"#
    );
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let broker = Broker::alone("listen.admin = 'off'");
    assert_eq!(broker.handle.admin_addr(), None);
    broker.client("").await;
}
