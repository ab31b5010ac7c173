//! Between a client and the backend: messages that want an answer, either way.

use super::Broker;
use crate::effect::Effects;
use crate::event::Fact;
use crate::message::ClientMessage;
use crate::request::RequestToken;
use crate::session::SessionHandle;
use crate::time::Timestamp;

impl Broker {
    /// Takes a client's message that wants an answer, an object, and tells the backend. The answer comes as
    /// [`Notice::Answer`](crate::Notice::Answer) with the client's `token`; see [`Config::answer_timeout`](crate::Config::answer_timeout).
    pub fn ask(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        message: ClientMessage,
        token: RequestToken,
        out: &mut Effects,
    ) {
        if self.connected(session).is_none() {
            return;
        }
        if let Some(request) = self.request(now, session, token, out) {
            let ack = self.config.secret.ack(request, None);
            self.receive(now, session, message.asking(ack), out);
        }
    }

    /// Takes a client's acknowledgement of a message that asked for one by the number `ack`, and tells the backend. `args` is
    /// a JSON list. That the client was asked is for the driver to know.
    pub fn acknowledge(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        ack: u64,
        args: Box<str>,
        out: &mut Effects,
    ) {
        self.tell_if_told(now, session, Fact::Acknowledged { ack, args }, out);
    }
}
