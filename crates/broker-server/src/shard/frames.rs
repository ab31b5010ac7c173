//! A message, framed once for each dialect among its receivers.

use broker_core::Message;
use broker_dialect::DialectKind;
use broker_transport::ws::encode;
use bytes::Bytes;

/// The frames of one message; encoded on first use, then shared.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    message: &'a Message,
    encoded: [Option<Bytes>; DialectKind::ALL.len()],
}

impl<'a> Frames<'a> {
    pub(super) fn of(message: &'a Message) -> Frames<'a> {
        Frames {
            message,
            encoded: [const { None }; DialectKind::ALL.len()],
        }
    }

    pub(super) fn for_dialect(&mut self, kind: DialectKind) -> Bytes {
        let encoded = &mut self.encoded[kind as usize];
        encoded
            .get_or_insert_with(|| encode::message(&kind.encode(self.message)))
            .clone()
    }
}
