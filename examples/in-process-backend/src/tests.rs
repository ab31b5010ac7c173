use std::net::SocketAddr;

use broker_testkit::client::{Client, Raw};

use super::*;

fn start_on_free_ports() -> (SocketAddr, Handle) {
    let mut config = Config::default();
    config.listen.public = "127.0.0.1:0".parse().unwrap();
    config.listen.admin = None;
    let broker = start(config).unwrap();
    (broker.local_addr().unwrap(), broker)
}

/// Connects, and waits to be welcome.
async fn enter(addr: SocketAddr, name: &str) -> Client {
    let mut client = Client::connect(addr, &format!("/house?name={name}")).await;
    let welcome = format!(r#"{{"to":"/house","welcome":"{name}"}}"#);
    assert_eq!(client.text().await, welcome);
    client
}

#[tokio::test]
async fn guests_hear_each_other_and_of_each_others_leaving() {
    let (addr, broker) = start_on_free_ports();
    let mut anna = enter(addr, "anna").await;
    let mut ben = enter(addr, "ben").await;
    anna.say(r#"{"text":"hello"}"#).await;
    let hello = r#"{"from":"anna","text":"hello"}"#;
    assert_eq!(
        (anna.text().await, ben.text().await),
        (hello.into(), hello.into())
    );
    ben.say(r#"{"text":"psst","to":"anna"}"#).await;
    assert_eq!(anna.text().await, r#"{"from":"ben","text":"psst"}"#);
    ben.close(Some(4000), "").await;
    ben.closed().await;
    drop(ben);
    assert_eq!(anna.text().await, r#"{"code":4000,"gone":"ben"}"#);
    let leaving = async move { assert_eq!(anna.closed().await, 1012) };
    tokio::join!(broker.drain(), leaving);
}

#[tokio::test]
async fn whoever_has_no_name_is_sent_away() {
    let (addr, broker) = start_on_free_ports();
    let mut client = Client::connect(addr, "/").await;
    let (_, code, reason) = client.rest().await;
    assert_eq!((code, &*reason), (3001, "a name is needed"));
    drop(client);
    broker.shutdown().await;
}

#[tokio::test]
async fn commands_of_the_house_have_results() {
    let (addr, broker) = start_on_free_ports();
    let mut anna = enter(addr, "anna").await;
    anna.say("anything").await;
    anna.text().await;
    let list = r#"data=[{"type":"statistics"},{"type":"greet-you"},{"type":"dance"}]"#;
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let mut raw = Raw::connect(addr).await;
    let answer = raw.request("POST", "/", &kind, list).await;
    let [statistics, greeting, unknown]: [serde_json::Value; 3] =
        serde_json::from_str(&answer.body).unwrap();
    assert_eq!(statistics, serde_json::json!({ "said": 1 }));
    assert_eq!(greeting, "good day, you");
    assert_eq!(unknown["ok"], false);
    broker.shutdown().await;
}
