//! The example of the README, which is that of the original's, carried out.

use std::time::Duration;

use broker_client::{Answer, Event};
use broker_testkit::PATIENCE;
use serde_json::json;

use crate::registered;
use crate::server::Server;

#[tokio::test]
async fn two_clients_greet_each_other_and_one_says_more() {
    let server = Server::start().await;
    let (client0, _) = registered("client0", server.url()).await;
    let (client1, mut events) = registered("client1", server.url()).await;

    let talking = tokio::spawn(async move {
        let answer = client0.request("client1", "Hi there", PATIENCE).await;
        client0
            .send("client1", json!({"complex": "thing"}))
            .await
            .unwrap();
        answer.unwrap()
    });
    let mut heard = Vec::new();
    let listening = async {
        while let Some(event) = events.next().await {
            if let Event::Message(message) = event {
                heard.push(message.message);
                match message.request {
                    Some(request) => request.answer("Hi to you too, sir.").await.unwrap(),
                    None => client1.close().await,
                }
            }
        }
    };
    let limit = PATIENCE + Duration::from_secs(1);
    tokio::time::timeout(limit, listening).await.unwrap();
    assert_eq!(heard, [json!("Hi there"), json!({"complex": "thing"})]);
    assert_eq!(
        talking.await.unwrap(),
        Answer {
            message: json!("Hi to you too, sir."),
            from: Some("client1".to_owned()),
        }
    );
}
