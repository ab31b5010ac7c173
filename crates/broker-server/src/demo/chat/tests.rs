//! The chat as a play: lines that say what happens, and what is answered to the last one.

mod refusals;
mod reports;
mod rooms;

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_core::{ClientMessage, Entry, EventId, Handshake, SessionHandle, Timestamp};
use expect_test::Expect;
use serde_json::{Map, Value, json};

use super::*;

/// A chat, and what the broker keeps of those who are connected to it.
#[derive(Default)]
struct Stage {
    chat: Chat,
    sessions: BTreeMap<String, (SessionId, Map<String, Value>)>,
}

impl Stage {
    /// Plays one line: `NAME connects PATH`, `NAME says JSON` or `NAME leaves`.
    fn play(&mut self, line: &str) -> Vec<Value> {
        let (who, line) = line.split_once(' ').unwrap();
        let (what, detail) = line.split_once(' ').unwrap_or((line, ""));
        let fact = match what {
            "connects" => {
                let id = SessionId::new(0, [self.sessions.len() as u8 + 1; 14]);
                let info = json!({"sid": "a secret", "ip": "192.0.2.1", "wskey": id.to_string()});
                let info = info.as_object().unwrap().clone();
                self.sessions.insert(who.to_owned(), (id, info));
                Fact::Connected { entrance: None }
            }
            "says" => Fact::Received(ClientMessage::parse(detail).unwrap()),
            "leaves" => Fact::Disconnected {
                code: 1001,
                reason: "".into(),
            },
            _ => panic!("{what}"),
        };
        let (session, info) = self.sessions.get_mut(who).unwrap();
        let event = Event {
            id: EventId {
                session: *session,
                number: 1,
            },
            session: SessionHandle {
                slot: 0,
                generation: 0,
            },
            time: Timestamp(0),
            attempt: 1,
            fact: Arc::new(fact),
            connection: serde_json::to_string(info).unwrap().into(),
            handshake: Arc::new(Handshake {
                path: detail.into(),
                headers: Box::default(),
            }),
        };
        let commands = self.chat.with_report(&event);
        let list = written(&commands).unwrap();
        for entry in &list.entries {
            assert!(matches!(entry, Entry::Run(_)), "{entry:?}");
        }
        for command in &commands {
            if let Command::Session { data } = command {
                let data = serde_json::to_value(data).unwrap();
                info.extend(data.as_object().unwrap().clone());
            }
        }
        commands
            .iter()
            .map(|command| serde_json::to_value(command).unwrap())
            .collect()
    }
}

fn is_report(command: &Value) -> bool {
    command["message"]["type"] == "report"
}

/// Plays lines, and shows what the last one is answered with, but for the report.
fn check(lines: &[&str], answer: Expect) {
    let mut stage = Stage::default();
    let answers = lines.iter().map(|line| stage.play(line)).last().unwrap();
    let shown: String = answers
        .iter()
        .filter(|command| !is_report(command))
        .map(|command| format!("{command}\n"))
        .collect();
    answer.assert_eq(&shown);
}

/// Plays lines, and gives the report on the last one.
fn report_on(lines: &[&str]) -> Option<Value> {
    let mut stage = Stage::default();
    let mut answer = lines.iter().map(|line| stage.play(line)).last().unwrap();
    assert!(
        !answer.iter().rev().skip(1).any(is_report),
        "the report is last"
    );
    answer.pop().filter(is_report)
}
