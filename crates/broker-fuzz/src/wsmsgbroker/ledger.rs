//! What was asked, by whom and of whom: a model of requests that shares nothing with the core's.

use std::collections::BTreeSet;

/// Names a client by its place in the order of connecting.
pub(super) type ClientIndex = usize;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Every ack that was shown, and to which client; `None` where it was the backend.
    shown: Vec<(String, Option<ClientIndex>)>,
    /// Who waits for an answer, and what that client calls its request.
    waiting: Vec<(ClientIndex, String)>,
    /// The requests of which an answer of a client's was taken, by the part of their acks that all who are asked share.
    answered: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn asks(&mut self, client: ClientIndex, token: &str) {
        self.waiting.push((client, token.to_owned()));
    }

    pub(super) fn shows(&mut self, ack: String, to: Option<ClientIndex>) {
        self.shown.push((ack, to));
    }

    /// A request has ended, by an answer or for want of one. Each does so at most once.
    pub(super) fn ends(&mut self, client: ClientIndex, token: &str) {
        let mut waiting = self.waiting.iter();
        let place = waiting.position(|(known, its)| *known == client && its == token);
        self.waiting
            .remove(place.expect("an end of what was asked, and has not ended"));
    }

    /// The client is gone, and waits for nothing.
    pub(super) fn leaves(&mut self, client: ClientIndex) {
        self.waiting.retain(|(known, _)| *known != client);
    }

    pub(super) fn was_asked(&self, client: ClientIndex, ack: &str) -> bool {
        let mut shown = self.shown.iter();
        shown.any(|(known, to)| known == ack && *to == Some(client))
    }

    /// Takes note of a client's answer that was taken; whether it is the first to its request.
    pub(super) fn is_first_answer(&mut self, ack: &str) -> bool {
        let (request, _) = ack.rsplit_once('-').expect("three groups");
        self.answered.insert(request.to_owned())
    }

    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The text with acks in the places of `$0` to `$9`, where so many were shown.
    pub(super) fn with_acks(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digit = part.chars().next().and_then(|digit| digit.to_digit(10));
            let ack = digit.and_then(|back| self.shown.iter().nth_back(back as usize));
            match ack {
                Some((ack, _)) => {
                    out.push_str(ack);
                    out.push_str(&part[1..]);
                }
                None => {
                    out.push('$');
                    out.push_str(part);
                }
            }
        }
        out
    }
}
