//! The other end of one connection, which says what a test wants it to say.

use broker_client::{Client, Events, Limits};
use broker_testkit::soon;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// How much each direction holds of what the other end has not read.
const PIPE_BYTES: usize = 1024;

pub(crate) struct Peer {
    socket: WebSocketStream<DuplexStream>,
}

impl Peer {
    /// A client and its peer, which has already heard the registration; the client has been told of nothing yet.
    pub(crate) async fn meet(limits: Limits) -> (Client, Events, Peer) {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let connecting = Client::connect_over(near, "me", "ws://peer/", limits);
        let (connected, accepted) = tokio::join!(connecting, accept_async(far));
        let (client, events) = connected.unwrap();
        let socket = accepted.unwrap();
        let mut peer = Peer { socket };
        assert_eq!(peer.hear().await["action"], "register");
        (client, events, peer)
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub(crate) async fn say_binary(&mut self) {
        self.send(Message::binary(vec![1])).await;
    }

    pub(crate) async fn ping(&mut self, payload: &'static str) {
        self.send(Message::Ping(payload.into())).await;
    }

    async fn send(&mut self, message: Message) {
        let sending = self.socket.send(message);
        soon("room to send", sending).await.unwrap();
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        soon("room to close", self.socket.close(Some(frame)))
            .await
            .unwrap();
    }

    /// The next thing that the client says.
    pub(crate) async fn hear(&mut self) -> Value {
        match soon("a word of the client", self.socket.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(text.as_str()).unwrap(),
            other => panic!("a text was to come, not {other:?}"),
        }
    }

    /// The payload of a pong, which has to be the next thing.
    pub(crate) async fn hear_pong(&mut self) -> String {
        match soon("a pong of the client", self.socket.next()).await {
            Some(Ok(Message::Pong(payload))) => String::from_utf8(payload.to_vec()).unwrap(),
            other => panic!("a pong was to come, not {other:?}"),
        }
    }

    /// The code of the client's close frame, which has to be the next thing.
    pub(crate) async fn hear_close(&mut self) -> u16 {
        match soon("a close frame of the client", self.socket.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => {
                // The library replies when it is read on.
                while let Some(Ok(_)) = self.socket.next().await {}
                frame.code.into()
            }
            other => panic!("a close frame was to come, not {other:?}"),
        }
    }

    /// The client has let go of the connection.
    pub(crate) async fn hear_end(&mut self) {
        let ended = async { while let Some(Ok(_)) = self.socket.next().await {} };
        soon("the end of the connection", ended).await;
    }
}
