//! The application: told of events, it answers with commands, as an HTTP backend would.

use broker_core::{CommandList, Event, Failure, Reading};
use bytes::Bytes;
use serde_json::{Value, json};

/// A chat with rooms. Who somebody is and where stands in the session info, so it needs no memory of its own.
pub(crate) fn answer(event: &Event) -> Result<CommandList, Failure> {
    let mut message = Vec::new();
    event.fact.write_message(&mut message);
    let commands = commands(&parsed(&message), &parsed(event.connection.as_bytes()));

    let body = Bytes::from(commands.to_string());
    CommandList::parse(&body, Reading::strict(100))
        .map_err(|error| Failure::BadAnswer(error.to_string().into()))
}

fn commands(message: &Value, session: &Value) -> Value {
    let room = &session["room"];
    let tell = |room: &Value, what: Value| json!({"type": "send", "match": {"room": room}, "message": what});
    match message["type"].as_str() {
        Some("client-enter") => json!([
            {"type": "session", "data": {"room": message["room"], "name": message["name"]}},
            tell(&message["room"], json!({"entered": message["name"]})),
        ]),
        Some("client-say") => json!([tell(
            room,
            json!({"from": session["name"], "text": message["text"]})
        )]),
        Some("client-quit") => json!([{"type": "close"}]),
        Some("session-disconnect") => json!([tell(room, json!({"left": session["name"]}))]),
        _ if message.get("json_error").is_some() => {
            json!([{"type": "send", "message": {"error": message["json_error"]}}])
        }
        _ => json!([]),
    }
}

fn parsed(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_default()
}
