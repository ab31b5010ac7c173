//! What holds for every dialect, whatever its clients and the backend say.

use broker_core::{Message, SessionId, Timestamp};
use broker_dialect::{Action, Audience, DialectKind, Incoming, Options, Start};
use bytes::Bytes;
use proptest::prelude::*;

/// A control frame holds 125 bytes, of which the close code takes two (RFC 6455 §5.5).
const REASON_BYTES_MAX: usize = 123;

/// What a client says: text that looks like something, any text, or bytes.
fn said() -> impl Strategy<Value = Result<String, Vec<u8>>> {
    prop_oneof![
        r#"[\[\]{}",:\\ a-z0-9]{0,40}"#.prop_map(Ok),
        r#"\{"(action|type)":"[a-z]{0,12}"(,"[a-z]{1,7}":("[a-z]?"|[0-9]|\[\]))?\}"#.prop_map(Ok),
        r#"[0-6]{1,2}(/[a-z]?,)?[0-9]?(\["[a-z]"\]|\{\})?"#.prop_map(Ok),
        ".{0,20}".prop_map(Ok),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Err),
    ]
}

/// The close codes that an endpoint may send (RFC 6455 §7.4, and the IANA's registry).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn is_end(action: &Action) -> bool {
    matches!(action, Action::Refuse { .. })
}

proptest! {
    #[test]
    fn whatever_is_said_a_dialect_goes_on_or_ends_with_what_a_close_frame_can_hold(
        conversation in prop::collection::vec((said(), 0_u64..30_000), 0..20),
    ) {
        let options = Options::default();
        for kind in DialectKind::ALL {
            let mut now = Timestamp(1_700_000_000_000);
            let start = Start::new(now, SessionId::new(0, [1; 14]), &options);
            let mut actions = Vec::new();
            let mut dialect = kind.open(&start, &mut |action| actions.push(action));
            for (said, pause_ms) in &conversation {
                let incoming = match said {
                    Ok(text) => Incoming::Text(text),
                    Err(bytes) => Incoming::Binary(bytes),
                };
                dialect.receive(now, incoming, &mut |action| actions.push(action));
                now = Timestamp(now.0 + pause_ms);
                dialect.handle_timeout(now, true, &mut |action| actions.push(action));
                if let Some(Action::Refuse { code, reason }) = actions.iter().find(|action| is_end(action)) {
                    prop_assert!(may_be_sent(*code), "{kind}: {code}");
                    prop_assert!(reason.len() <= REASON_BYTES_MAX, "{kind}: {reason}");
                    break;
                }
            }
        }
    }

    #[test]
    fn whatever_the_backend_sends_is_said_or_refused_with_a_reason(bytes: Vec<u8>, text in ".{0,20}") {
        let json = Bytes::from(serde_json::Value::from(&*text).to_string());
        let text = Bytes::from(text);
        for kind in DialectKind::ALL {
            let bytes = Bytes::from(bytes.clone());
            for message in [Message::Json(json.clone()), Message::Text(text.clone()), Message::Binary(bytes)] {
                match kind.encode(&Audience::Dialect, &message) {
                    Ok(words) => prop_assert!(words.messages().next().is_some(), "{kind}"),
                    Err(error) => prop_assert!(!error.to_string().is_empty(), "{kind}"),
                }
            }
        }
    }
}
