//! What the shards of a process tell each other about names, messages from client to client, and answers.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::name::Name;
use crate::request::{Ack, RequestId, RequestToken};
use crate::session::SessionHandle;

/// Something for another shard. The driver brings it there, in order for each pair of shards, and gives it to
/// [`Broker::take_letter`](crate::Broker::take_letter).
#[derive(Clone, Debug)]
pub struct Letter(pub(crate) Content);

/// What a letter says. Every name is owned by one shard, which knows who holds it and puts registrations in an order.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// To the owner of a name: this session holds it from now on, whoever did so before.
    Claim { name: Name, holder: Holder },
    /// To the owner: the session lets go of it, if it still holds it by this claim.
    Release { name: Name, holder: Holder },
    /// To the shard of who has claimed a name: whoever asks for it finds the session now.
    Claimed { session: SessionHandle, name: Name },
    /// To the shard of who has let go of a name: nobody who asks for it finds the session any more.
    Released { session: SessionHandle, name: Name },
    /// To the shard of who has held a name: another session holds it now.
    Lost { form: Box<str>, holder: Holder },
    /// To the owner of these names: pass the parcel on to who holds them.
    Forward {
        forms: SmallVec<[Box<str>; 1]>,
        parcel: Parcel,
    },
    /// To the shard of these sessions: give them the parcel.
    Hand {
        to: SmallVec<[SessionHandle; 1]>,
        parcel: Parcel,
    },
    /// To the shard of who has asked: an answer.
    Answer {
        request: RequestId,
        from: Option<Arc<str>>,
        message: Option<Bytes>,
    },
}

/// A session that holds a name, or has held it: where it lives, and which of its claims it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) shard: u16,
    pub(crate) session: SessionHandle,
    /// Counts the claims of its shard.
    pub(crate) claim: u64,
}

/// A message from one client to others.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// Any JSON.
    pub(crate) message: Bytes,
    /// The last name of the sender.
    pub(crate) from: Option<Arc<str>>,
    /// If it wants an answer.
    pub(crate) request: Option<RequestId>,
}

/// What a letter costs beside the texts in it, in bytes.
const LETTER_BYTES: usize = 128;

impl Letter {
    /// About how many bytes it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        LETTER_BYTES
            + match &self.0 {
                Content::Claim { name, .. }
                | Content::Release { name, .. }
                | Content::Claimed { name, .. }
                | Content::Released { name, .. } => name.size(),
                Content::Lost { form, .. } => form.len(),
                Content::Forward { forms, parcel } => {
                    forms.iter().map(|form| form.len() + 16).sum::<usize>() + parcel.size()
                }
                Content::Hand { to, parcel } => 8 * to.len() + parcel.size(),
                Content::Answer { from, message, .. } => {
                    len_of(from) + message.as_ref().map_or(0, Bytes::len)
                }
            }
    }
}

impl Parcel {
    fn size(&self) -> usize {
        self.message.len() + len_of(&self.from)
    }
}

fn len_of(text: &Option<Arc<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}

/// What the broker has to say to a client, in the words of its dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It holds this name now: whoever asks for it finds this client.
    Registered(Name),
    /// It has let go of this name, and hears nothing more by it.
    Unregistered(Name),
    /// Another client has a message for it.
    Message {
        /// Any JSON.
        message: Bytes,
        /// The last name of the sender, as it was given; `None` when it has none.
        from: Option<Arc<str>>,
        /// What an answer is given with, if the sender wants one.
        ack: Option<Ack>,
    },
    /// Its request is answered.
    Answer {
        /// What the client has called the request.
        token: RequestToken,
        /// The last name of who answers, as it was given, or else the id of the connection; `None` for the backend.
        from: Option<Arc<str>>,
        /// Any JSON.
        message: Option<Bytes>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_counts_with_the_texts_that_it_holds() {
        let session = SessionHandle {
            slot: 0,
            generation: 0,
        };
        let holder = Holder {
            shard: 0,
            session,
            claim: 1,
        };
        let name = Name::read(r#""ann""#).unwrap();
        let parcel = Parcel {
            message: Bytes::from_static(b"12345"),
            from: Some("me".into()),
            request: None,
        };
        let forms = ["ab", "c"].map(Box::from).into_iter().collect();
        let request = RequestId {
            shard: 0,
            number: 1,
        };
        for (content, texts) in [
            (
                Content::Claimed {
                    session,
                    name: name.clone(),
                },
                8,
            ),
            (Content::Release { name, holder }, 8),
            (
                Content::Lost {
                    form: "ann".into(),
                    holder,
                },
                3,
            ),
            (
                Content::Forward {
                    forms,
                    parcel: parcel.clone(),
                },
                42,
            ),
            (
                Content::Hand {
                    to: SmallVec::from_elem(session, 3),
                    parcel: parcel.clone(),
                },
                31,
            ),
            (
                Content::Answer {
                    request,
                    from: parcel.from,
                    message: Some(parcel.message),
                },
                7,
            ),
        ] {
            assert_eq!(Letter(content).size(), LETTER_BYTES + texts);
        }
    }
}
