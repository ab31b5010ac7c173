//! A server of the protocol, as small as it can be: no limits, no time-outs.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

const PATH: &str = "/foo";

/// A running server; it ends with its connections when it is dropped.
pub(crate) struct Server {
    url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct State {
    /// What is said to each connection, by its number.
    connections: HashMap<u64, UnboundedSender<Message>>,
    connected: u64,
    /// Who has an id now, by its string form.
    holders: HashMap<String, u64>,
    /// What each connection has last called itself.
    names: HashMap<u64, Value>,
    asked: HashMap<String, Asked>,
}

/// A request that nobody has answered yet.
struct Asked {
    asker: u64,
    ack: Value,
    /// Who may answer.
    asked: HashSet<u64>,
}

impl Server {
    pub(crate) async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}{PATH}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Server {
            url,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the application behind a broker can do.
    pub(crate) fn say(&self, id: &str, message: Value) {
        let state = self.state.lock().unwrap();
        let holder = state.holders[id];
        state.say(holder, json!({"action": "message", "message": message}));
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    #[expect(clippy::result_large_err, reason = "the library wants it so")]
    let admit = |request: &Request, response: Response| match request.uri().path() {
        PATH => Ok(response),
        _ => {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = 404.try_into().unwrap();
            Err(refusal)
        }
    };
    let Ok(socket) = accept_hdr_async(stream, admit).await else {
        return;
    };
    let (mut sink, mut stream) = socket.split();
    let (sender, mut queue) = mpsc::unbounded_channel();
    let me = lock(&state).open(sender);
    let writing = async {
        while let Some(message) = queue.recv().await {
            let _ = sink.send(message).await;
        }
    };
    let reading = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                lock(&state).hear(me, &serde_json::from_str(text.as_str()).unwrap());
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
    lock(&state).close(me);
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl State {
    fn open(&mut self, sender: UnboundedSender<Message>) -> u64 {
        self.connected += 1;
        self.connections.insert(self.connected, sender);
        self.connected
    }

    fn close(&mut self, me: u64) {
        self.connections.remove(&me);
        self.names.remove(&me);
        self.holders.retain(|_, holder| *holder != me);
        self.asked.retain(|_, asked| asked.asker != me);
    }

    fn hear(&mut self, me: u64, frame: &Value) {
        match frame["action"].as_str().unwrap() {
            "register" => {
                let id = &frame["id"];
                self.holders.insert(string_form(id), me);
                self.names.insert(me, id.clone());
                self.say(me, json!({"action": "registered", "id": id}));
            }
            "unregister" => {
                self.holders.retain(|_, holder| *holder != me);
                if let Some(id) = self.names.remove(&me) {
                    self.say(me, json!({"action": "unregistered", "id": id}));
                }
            }
            "send" => self.send(me, frame),
            "answer" => self.answer(me, frame),
            other => panic!("no client says {other}"),
        }
    }

    fn send(&mut self, me: u64, frame: &Value) {
        let ids = match &frame["dest"] {
            Value::Array(ids) => ids.iter().map(string_form).collect(),
            id => vec![string_form(id)],
        };
        let holders = ids.iter().filter_map(|id| self.holders.get(id).copied());
        let holders: Vec<u64> = holders.collect();
        let mut said = json!({"action": "message", "message": frame["message"]});
        if let Some(name) = self.names.get(&me) {
            said["from"] = name.clone();
        }
        if let Some(ack) = frame.get("ack") {
            let ours = format!("{me}/{}", string_form(ack));
            said["ack"] = ours.clone().into();
            let asked = Asked {
                asker: me,
                ack: ack.clone(),
                asked: holders.iter().copied().collect(),
            };
            self.asked.insert(ours, asked);
        }
        for holder in holders {
            self.say(holder, said.clone());
        }
    }

    fn answer(&mut self, me: u64, frame: &Value) {
        let ours = string_form(&frame["ack"]);
        let may_answer = |asked: &Asked| asked.asked.contains(&me);
        if !self.asked.get(&ours).is_some_and(may_answer) {
            return;
        }
        let asked = self.asked.remove(&ours).unwrap();
        let connection = || format!("connection {me}").into();
        let from = self.names.get(&me).cloned().unwrap_or_else(connection);
        let mut said = json!({"action": "answer", "ack": asked.ack, "from": from});
        if let Some(message) = frame.get("message") {
            said["message"] = message.clone();
        }
        self.say(asked.asker, said);
    }

    fn say(&self, to: u64, frame: Value) {
        if let Some(connection) = self.connections.get(&to) {
            let _ = connection.send(Message::text(frame.to_string()));
        }
    }
}

fn string_form(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
