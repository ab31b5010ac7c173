//! Socket.IO over TLS.

use super::*;
use crate::tls;

#[tokio::test]
async fn a_websocket_over_tls_takes_over_on_whatever_shard_it_arrives() {
    let (broker, authority) = tls::start(&format!("listen.shards = 2\n{ENDPOINT}"));
    let connect = async || Raw::over(authority.connect(broker.addr()).await);
    for (of_session, of_websocket) in [(0, 0), (0, 1), (1, 0)] {
        let mut raw = connection_on(of_session, connect).await;
        let poller = Poller::enter_by(&mut raw).await;
        let mut websocket = connection_on(of_websocket, connect).await;
        let path = poller.path.replace("polling", "websocket");
        assert_eq!(websocket.upgrade(&path, &[]).await.status, 101);
        websocket.write(masked(1, b"2probe")).await;
        assert_eq!(websocket.frame().await, (0x81, b"3probe".to_vec()));
        // The packet that says so and what follows it come at once, some of it before the shard has the connection.
        let long = "x".repeat(100_000);
        let said = [
            masked(1, b"5"),
            masked(1, format!(r#"42["say","{long}"]"#).as_bytes()),
            masked(1, b"420[\"asks\"]"),
        ];
        websocket.write(said.concat()).await;
        let send = r#"{"type":"send","match":"*","message":{"type":"news","args":["LONG"]}}"#;
        broker.execute(send.replace("LONG", &long)).await;
        let (_, news) = websocket.frame().await;
        assert!(news == format!(r#"42["news","{long}"]"#).as_bytes());
        websocket.write(masked(8, &1000_u16.to_be_bytes())).await;
        assert_eq!(websocket.frame().await.0, 0x88);
        broker.until("its end", |report| report.sessions == 0).await;
    }
}
