//! One connection, and how its client stands to the broker while it lasts.

use std::collections::VecDeque;
use std::slice;

use broker_core::{SessionId, Timestamp, json};
use broker_dialect::socketio::engine::payload::{PayloadError, Posted};
use broker_dialect::socketio::engine::{Control, Probe, Transport, UpgradeError};
use broker_dialect::socketio::{ATTACHMENTS_MAX, NAMESPACE_BYTES_MAX, NamespaceIndex, Socketio};
use broker_dialect::{
    Action, Audience, Dialect, DialectKind, DialectState, Incoming, Outgoing, Start, Words,
};
use bytes::Bytes;

use super::{BODY_BYTES_MAX, Choices, NAMESPACES_MAX, PACKETS_MAX, again, body, options, told};
use crate::commands::NOW;

pub(super) struct Conversation<'l> {
    choices: Choices,
    dialect: DialectState,
    now: Timestamp,
    transport: Transport,
    /// A WebSocket is to take over.
    is_upgrading: bool,
    is_over: bool,
    /// What the next body will hold.
    unsent: Vec<Incoming<'l>>,
    /// The namespaces that the client waits to enter, oldest first.
    entering: VecDeque<(NamespaceIndex, Box<str>)>,
    within: Vec<(NamespaceIndex, Box<str>)>,
    /// The acknowledgements that the backend has asked for.
    awaited: Vec<(NamespaceIndex, u64)>,
    /// How long the longest message of the client's was, in bytes.
    longest: usize,
    /// What was done; none once that is a matter of the transport.
    done: Option<Vec<String>>,
}

impl<'l> Conversation<'l> {
    pub(super) fn open(choices: Choices, transport: Transport) -> Conversation<'l> {
        let options = options();
        let start = Start {
            transport,
            revision: choices.revision,
            ..Start::new(NOW, SessionId::new(0, [1; 14]), &options)
        };
        let mut actions = Vec::new();
        let dialect = DialectKind::Socketio.open(&start, &mut |action| actions.push(action));
        let mut it = Conversation {
            choices,
            dialect,
            now: NOW,
            transport,
            is_upgrading: false,
            is_over: false,
            unsent: Vec::new(),
            entering: VecDeque::new(),
            within: Vec::new(),
            awaited: Vec::new(),
            longest: 0,
            done: Some(Vec::new()),
        };
        // The transport stands in the first packet.
        let Action::Reply(greeting) = actions.remove(0) else {
            panic!("a client is greeted first");
        };
        it.is_said(&greeting);
        it.perform(actions);
        it
    }

    /// The client sends a message by the transport in use.
    pub(super) fn sends(&mut self, message: Incoming<'l>) {
        self.longest = self.longest.max(match message {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(bytes) => bytes.len(),
        });
        if self.transport == Transport::WebSocket {
            let mut actions = Vec::new();
            let act = &mut |action| actions.push(action);
            self.dialect.receive(self.now, message, act);
            return self.perform(actions);
        }
        self.unsent.push(message);
        if self.unsent.len() == self.choices.packets {
            self.flush();
        }
    }

    /// Where it polls, the client posts a body as it is.
    pub(super) fn posts(&mut self, body: &[u8], is_binary: bool) {
        self.flush();
        self.done = None;
        if self.transport == Transport::Polling {
            self.longest = self.longest.max(body.len());
            self.post(body, is_binary);
        }
    }

    /// Posts what is unsent, in one body if there is one that holds it.
    fn flush(&mut self) {
        let messages = std::mem::take(&mut self.unsent);
        if messages.is_empty() {
            return;
        }
        let (revision, is_binary) = (self.choices.revision, self.choices.has_binary_bodies());
        let write = |messages: &[Incoming<'_>]| body::of(revision, is_binary, messages);
        match write(&messages).filter(|body| body.len() <= BODY_BYTES_MAX) {
            Some(body) => self.post(&body, is_binary),
            None => {
                for message in &messages {
                    match write(slice::from_ref(message)) {
                        Some(body) => self.post(&body, is_binary),
                        None => self.done = None,
                    }
                }
            }
        }
    }

    /// A body is taken, or refused with an end, unless it is too long, which only its request suffers for.
    fn post(&mut self, body: &[u8], is_binary: bool) {
        let mut posted = Posted::new(Bytes::copy_from_slice(body), is_binary);
        let (now, mut taken, mut is_refused) = (self.now, 0, false);
        loop {
            let mut actions = Vec::new();
            let act = &mut |action| actions.push(action);
            let Some(received) = self.socketio().receive_posted(now, &mut posted, act) else {
                break;
            };
            assert!(!is_refused, "packets behind an error");
            is_refused = received.is_err();
            match received {
                Ok(()) => taken += 1,
                Err(PayloadError::TooLong { size, limit }) => {
                    assert!(size == body.len() && size > limit && actions.is_empty());
                    self.done = None;
                }
                Err(error) => assert!(
                    matches!(actions.last(), Some(Action::Refuse { .. })),
                    "goes on after {error}: {actions:?}"
                ),
            }
            self.perform(actions);
        }
        assert!(taken == 0 || body.len() <= BODY_BYTES_MAX);
        assert!(taken <= PACKETS_MAX);
    }

    /// A WebSocket arrives that is to take over.
    pub(super) fn begins_upgrade(&mut self) {
        self.flush();
        self.done = None;
        let expected = match self.transport {
            _ if self.is_over => Err(UpgradeError::Closed),
            Transport::WebSocket => Err(UpgradeError::Done),
            Transport::Polling if self.is_upgrading => Err(UpgradeError::UnderWay),
            Transport::Polling => Ok(()),
        };
        let now = self.now;
        assert_eq!(self.socketio().begin_upgrade(now), expected);
        self.is_upgrading |= expected.is_ok();
    }

    /// The client says something by it.
    pub(super) fn probes(&mut self, text: &str) {
        self.flush();
        self.done = None;
        let (now, is_upgrading) = (self.now, self.is_upgrading);
        match self.socketio().receive_probe(now, Incoming::Text(text)) {
            Probe::Answer(answer) => {
                assert!(is_upgrading && answer == Control::ProbePong);
                assert!(!self.socketio().may_poll_wait());
            }
            Probe::Upgraded => {
                assert!(is_upgrading);
                self.is_upgrading = false;
                self.transport = Transport::WebSocket;
            }
            Probe::Abandon => self.is_upgrading = false,
        }
    }

    pub(super) fn lets_in(&mut self) {
        self.flush();
        if let Some((namespace, name)) = self.entering.pop_front() {
            let mut id = [3; 14];
            id[..2].copy_from_slice(&namespace.0.to_le_bytes());
            let words = self.dialect.entered(namespace, SessionId::new(0, id));
            assert_eq!(words.is_some(), !self.is_over);
            self.within.push((namespace, name));
            self.is_answered(words);
        }
    }

    pub(super) fn refuses(&mut self, why: &str) {
        self.flush();
        if let Some((namespace, _)) = self.entering.pop_front() {
            let words = self.dialect.refused(self.now, namespace, why, Some(why));
            assert_eq!(words.is_some(), !self.is_over);
            self.is_answered(words);
        }
    }

    pub(super) fn puts_out(&mut self) {
        self.flush();
        if let Some((namespace, _)) = self.within.pop() {
            let words = self.dialect.put_out(self.now, namespace);
            assert_eq!(words.is_some(), !self.is_over);
            self.forget(namespace);
            self.is_answered(words);
        }
    }

    pub(super) fn backend_sends(&mut self, message: &str) {
        self.flush();
        if self.is_over || json::check(message.as_bytes()).is_err() {
            return;
        }
        let revision = self.choices.revision;
        for (namespace, name) in self.within.clone() {
            let audience = self.dialect.audience(Some(namespace));
            assert_eq!(audience, Some(Audience::Namespace(&name, revision)));
            match again::event(&name, revision, message) {
                Ok(words) => {
                    again::hear(&name, &words, None);
                    if let Some(ack) = words.asks() {
                        self.dialect.expect(namespace, ack);
                        self.awaited.push((namespace, ack));
                    }
                    self.is_answered(Some(words));
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }

    /// Time passes; a client that is not read meanwhile has all of it again.
    pub(super) fn waits(&mut self, seconds: u16, is_heard: bool) {
        self.flush();
        self.now = Timestamp(self.now.0 + 1000 * u64::from(seconds));
        let mut actions = Vec::new();
        let act = &mut |action| actions.push(action);
        self.dialect.handle_timeout(self.now, is_heard, act);
        self.perform(actions);
        if !is_heard {
            self.dialect.read_on(self.now);
        }
        let deadline = self.dialect.next_deadline();
        assert!(deadline.is_none_or(|deadline| deadline > self.now));
    }

    pub(super) fn end(mut self) -> Option<Vec<String>> {
        self.flush();
        self.done
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            assert!(!self.is_over, "behind the end: {action:?}");
            if let Some(done) = &mut self.done {
                done.push(format!("{action:?}"));
            }
            self.act(action);
        }
        assert_eq!(self.dialect.next_deadline().is_none(), self.is_over);
        while self.choices.is_let_in && !self.entering.is_empty() {
            self.lets_in();
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Enter {
                namespace,
                name,
                auth,
            } => {
                let known = self.entering.iter().chain(&self.within);
                assert!(
                    known
                        .into_iter()
                        .all(|(index, its)| *index != namespace && *its != name)
                );
                assert!(namespace.0 < NAMESPACES_MAX && name.len() <= NAMESPACE_BYTES_MAX);
                told::check_entrance(&name, &auth);
                self.entering.push_back((namespace, name));
            }
            Action::Leave { namespace } => {
                self.name(namespace);
                self.within.retain(|(known, _)| *known != namespace);
                self.forget(namespace);
            }
            Action::Say {
                namespace,
                message,
                token,
            } => {
                let name = self.name(namespace);
                let args = told::check_message(message.clone());
                let bytes_max = self.longest.max(BODY_BYTES_MAX) / 3 * 4 + 32 * ATTACHMENTS_MAX;
                assert!(args.len() <= bytes_max, "{} bytes", args.len());
                again::check_event(&name, self.choices.revision, message.text());
                if let Some(token) = token {
                    let ack = token.text().parse().expect("a number");
                    if let Some(answer) = told::asked(message, token)
                        && let Some(audience) = self.dialect.audience(Some(namespace))
                        && let Ok(Some(words)) = Socketio::notice(&audience, &answer)
                    {
                        again::check_acknowledgement(&name, &words, ack, &args);
                        self.is_said(&words);
                    }
                }
            }
            Action::Acknowledge {
                namespace,
                ack,
                args,
            } => {
                self.name(namespace);
                let mut awaited = self.awaited.iter();
                let place = awaited.position(|known| *known == (namespace, ack));
                self.awaited.remove(place.expect("it was asked"));
                told::check_acknowledgement(ack, &args);
            }
            Action::PassOver(why) => assert!(!why.is_empty()),
            Action::Reply(words) => self.is_said(&words),
            Action::AbandonUpgrade => {
                assert!(std::mem::replace(&mut self.is_upgrading, false));
            }
            Action::Refuse { code, reason } => {
                assert!(matches!(code, 1000 | 1002 | 1008 | 1009 | 4102), "{code}");
                assert!((1..=123).contains(&reason.len()), "{reason}");
                self.is_over = true;
                self.is_upgrading = false;
            }
            Action::Message(_)
            | Action::Register(_)
            | Action::Unregister
            | Action::Relay(_)
            | Action::Answer { .. } => panic!("not in this dialect: {action:?}"),
        }
    }

    /// The name of a namespace that the client is in.
    fn name(&self, namespace: NamespaceIndex) -> Box<str> {
        let mut within = self.within.iter();
        let (_, name) = { within.find(|(known, _)| *known == namespace) }.expect("it is in there");
        name.clone()
    }

    fn forget(&mut self, namespace: NamespaceIndex) {
        self.awaited.retain(|(known, _)| *known != namespace);
    }

    fn is_answered(&mut self, words: Option<Words>) {
        if let Some(done) = &mut self.done {
            done.push(format!("{words:?}"));
        }
        if let Some(words) = words {
            self.is_said(&words);
        }
    }

    /// What is said to the client is a text and its attachments, also in the body of a poll.
    fn is_said(&mut self, words: &Words) {
        let Words::Packet(packet, revision) = words else {
            panic!("clients are told packets: {words:?}");
        };
        assert_eq!(*revision, self.choices.revision);
        let messages: Vec<Outgoing> = words.messages().collect();
        assert!(matches!(&messages[0], Outgoing::Text(text) if str::from_utf8(text).is_ok()));
        let attachments = &messages[1..];
        assert!(
            attachments
                .iter()
                .all(|message| matches!(message, Outgoing::Binary(_)))
        );
        if self.transport == Transport::Polling {
            let takes_binary = self.choices.takes_binary;
            let body = self
                .socketio()
                .write_body(takes_binary, slice::from_ref(packet));
            body::check(*revision, body, messages.len());
        }
    }

    fn socketio(&mut self) -> &mut Socketio {
        self.dialect.socketio().expect("it is of Socket.IO")
    }
}
