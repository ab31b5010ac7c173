//! Whose address a client has behind proxies, and what else of its request becomes session info.

use broker_testkit::client::{Client, Raw};

use crate::broker::Broker;

async fn info(config: &str, headers: &[(&str, &str)], fields: &str) -> String {
    let broker = Broker::alone(config);
    let _client = Client::connect_with(broker.addr(), "/", headers).await;
    broker
        .until("the session", |report| report.connections == 1)
        .await;
    let receipts = broker
        .receipts(&format!(r#"{{"type":"list","fields":{fields}}}"#))
        .await;
    receipts[0]["connections"].to_string()
}

#[tokio::test]
async fn a_forwarded_address_is_believed_of_a_trusted_proxy_only() {
    let headers = [("x-forwarded-for", "6.6.6.6, 192.0.2.7")];
    assert_eq!(
        info("", &headers, r#"["ip"]"#).await,
        r#"[{"ip":"127.0.0.1"}]"#
    );
    let trusting = "access.trusted_proxies = ['127.0.0.1']";
    assert_eq!(
        info(trusting, &headers, r#"["ip"]"#).await,
        r#"[{"ip":"192.0.2.7"}]"#
    );
    let standard = [("forwarded", "for=\"[2001:db8::1]:80\"")];
    assert_eq!(
        info(trusting, &standard, r#"["ip"]"#).await,
        r#"[{"ip":"2001:db8::1"}]"#
    );
}

#[tokio::test]
async fn a_handshake_whose_headers_name_different_clients_is_refused() {
    let broker = Broker::alone("access.trusted_proxies = ['127.0.0.1']");
    let headers = [
        ("X-Forwarded-For", "192.0.2.7"),
        ("Forwarded", "for=6.6.6.6"),
    ];
    let answer = Raw::connect(broker.addr())
        .await
        .upgrade("/", &headers)
        .await;
    let reason = "X-Forwarded-For and Forwarded name different clients\n";
    assert_eq!((answer.status, answer.body.as_str()), (400, reason));
}

#[tokio::test]
async fn cookies_become_session_info_and_never_ip_or_wskey() {
    let headers = [("cookie", "user=ann; ip=6.6.6.6; wskey=x")];
    let info_of = |config| info(config, &headers, r#"["user","ip"]"#);
    assert_eq!(info_of("").await, r#"[{"ip":"127.0.0.1","user":"ann"}]"#);
    assert_eq!(
        info_of("session.cookies = 'none'").await,
        r#"[{"ip":"127.0.0.1"}]"#
    );
    assert_eq!(
        info_of("session.cookies = ['other']").await,
        r#"[{"ip":"127.0.0.1"}]"#
    );
}

#[tokio::test]
async fn one_address_that_opens_many_connections_gets_503_beyond_its_limit() {
    let broker = Broker::alone("limits.max_connections_per_ip = 2\nlisten.shards = 2");
    let mut clients = vec![broker.client("").await, broker.client("").await];
    for _ in 0..50 {
        let answer = Raw::connect(broker.addr()).await.answer().await;
        assert_eq!(answer.status, 503);
    }
    clients.pop();
    let another = async {
        while Raw::connect(broker.addr())
            .await
            .upgrade("/", &[])
            .await
            .status
            != 101
        {}
    };
    broker_testkit::soon("a place", another).await;
}

#[tokio::test]
async fn behind_a_proxy_it_is_the_clients_that_are_counted_and_not_the_proxy() {
    let broker =
        Broker::alone("limits.max_connections_per_ip = 1\naccess.trusted_proxies = ['127.0.0.1']");
    let enter = async |client: &str| {
        let mut raw = Raw::connect(broker.addr()).await;
        let answer = raw.upgrade("/", &[("X-Forwarded-For", client)]).await;
        (raw, answer)
    };
    let (one, answer) = enter("192.0.2.1").await;
    assert_eq!(answer.status, 101);
    let (mut second, answer) = enter("192.0.2.1").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    let (_other, answer) = enter("192.0.2.2").await;
    assert_eq!(answer.status, 101);
    // Nobody is locked out of what the connection is refused for.
    drop(one);
    let again = async {
        while second
            .upgrade("/", &[("X-Forwarded-For", "192.0.2.1")])
            .await
            .status
            != 101
        {}
    };
    broker_testkit::soon("a place", again).await;
}
