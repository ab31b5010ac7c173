//! What the backend is told of a client of Socket.IO, and its answer to what it is asked.

use broker_core::{
    Broker, ClientMessage, CommandList, Config, CookieRule, Effect, Effects, Entrance, Event, Fact,
    Info, Notice, Opening, RequestToken, SessionId,
};
use bytes::Bytes;

use crate::commands::{NOW, called, reading};
use crate::told::Object;

/// A client enters.
pub(super) fn check_entrance(namespace: &str, auth: &str) {
    let entrance = Entrance {
        namespace: namespace.into(),
        auth: auth.into(),
    };
    let told = told(&Fact::Connected {
        entrance: Some(Box::new(entrance)),
    });
    assert_eq!(told.names(), ["type", "namespace", "auth"]);
    assert_eq!(told.string("type"), "session-connect");
    assert_eq!(told.string("namespace"), namespace);
    assert!(told.get("auth").is_some_and(|auth| auth.starts_with('{')));
}

/// A client says something. Gives the list of its arguments.
pub(super) fn check_message(message: ClientMessage) -> String {
    check_said(&Fact::Received(message), &["type", "args"])
}

/// A client acknowledges what it was asked.
pub(super) fn check_acknowledgement(ack: u64, args: &str) {
    let told = told(&Fact::Acknowledged {
        ack,
        args: args.into(),
    });
    assert_eq!(told.names(), ["type", "ack", "args"]);
    assert_eq!(told.string("type"), "session-ack");
    assert_eq!(told.get("ack"), Some(&*ack.to_string()));
    assert!(told.get("args").is_some_and(|args| args.starts_with('[')));
}

/// A client asks; the backend gives the arguments back. What the client is to be told of that, unless they are such as no
/// backend could write.
pub(super) fn asked(message: ClientMessage, token: RequestToken) -> Option<Notice> {
    let mut effects = Effects::default();
    let mut broker = Broker::new(Config::default());
    let id = SessionId::new(0, [1; 14]);
    let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 1024);
    let opening = Opening::new(id, info.expect("it is short"));
    let session = broker.open(NOW, opening, &mut effects);
    let call = called(&effects);
    let nothing = [CommandList::default()];
    broker.backend_replied(NOW, call, nothing, &mut effects);
    effects.list.clear();

    broker.ask(NOW, session, message, token, &mut effects);
    let [Effect::CallBackend(call)] = &effects.list[..] else {
        panic!("the backend is called: {effects:?}");
    };
    let [Event { fact, .. }] = &call.events[..] else {
        panic!("it is one event: {effects:?}");
    };
    let args = check_said(fact, &["type", "args", "ack"]);
    let ack = told(fact).string("ack");
    let answer = format!(r#"{{"type":"answer","ack":"{ack}","message":{{"args":{args}}}}}"#);
    let answer = CommandList::parse(&Bytes::from(answer), reading(true)).ok()?;
    let call = call.handle;
    effects.list.clear();
    broker.backend_replied(NOW, call, [answer], &mut effects);
    let notices = effects.list.into_iter().filter_map(|effect| {
        let Effect::Tell { notice, .. } = effect else {
            return None;
        };
        Some(notice)
    });
    let mut notices: Vec<Notice> = notices.collect();
    assert_eq!(notices.len(), 1, "it is answered once");
    notices.pop()
}

fn check_said(fact: &Fact, names: &[&str]) -> String {
    let told = told(fact);
    assert_eq!(told.names(), names);
    let kind = told.string("type");
    assert!(kind.starts_with("client-"), "{kind}");
    let args = told.get("args").unwrap_or_default();
    assert!(args.starts_with('['), "{args}");
    args.to_owned()
}

fn told(fact: &Fact) -> Object {
    let mut told = Vec::new();
    fact.write_message(&mut told);
    Object::read(&told)
}
