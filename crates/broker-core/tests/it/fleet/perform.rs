//! What a driver does with effects; here, to write them down and to hold them to what is true at any time.

use std::collections::{BTreeMap, BTreeSet};

use broker_core::{Call, Effect, Effects, Gating, Orders, Outcome, SessionHandle};

use super::{Client, Fleet};
use crate::seen::{self, Seen, read};

impl Fleet {
    pub(super) fn perform(&mut self, shard: usize, out: Effects) {
        if let Some(written) = &mut self.written {
            *written += &format!("{out:?}\n");
        }
        let Effects { list, recipients } = out;
        for effect in list {
            match effect {
                Effect::CallBackend(call) => self.tell(shard, call),
                Effect::Admit(session) => {
                    let client = self.client(shard, session);
                    assert!(std::mem::take(&mut client.is_waiting), "{client:?}");
                    let who = client.who;
                    self.seen.push(Seen::Admitted(who));
                }
                Effect::Refuse { session, refusal } => {
                    let client = self.client(shard, session);
                    assert!(std::mem::take(&mut client.is_waiting), "{client:?}");
                    client.is_connected = false;
                    let (who, why) = (client.who, refusal);
                    self.seen.push(Seen::Refused { who, why });
                }
                Effect::Deliver { message, to, .. } => {
                    let to = self.reached(shard, &recipients[to]);
                    let payload = seen::payload(&message);
                    self.seen.push(Seen::Sent { to, payload });
                }
                Effect::Close { to, code, reason } => {
                    let handles = &recipients[to];
                    let to = self.reached(shard, handles);
                    for handle in handles {
                        self.client(shard, *handle).is_reachable = false;
                    }
                    let reason = reason.into();
                    self.seen.push(Seen::Closed { to, code, reason });
                }
                Effect::Overflow(session) => {
                    let client = self.client(shard, session);
                    client.is_reachable = false;
                    let who = client.who;
                    self.seen.push(Seen::Overflowed(who));
                }
                Effect::Pause(session) => {
                    let client = self.client(shard, session);
                    assert!(client.is_connected && !client.is_paused, "{client:?}");
                    client.is_paused = true;
                    let who = client.who;
                    self.seen.push(Seen::Paused(who));
                }
                Effect::Resume(session) => {
                    let client = self.client(shard, session);
                    assert!(client.is_connected && client.is_paused, "{client:?}");
                    client.is_paused = false;
                    let who = client.who;
                    self.seen.push(Seen::Resumed(who));
                }
                Effect::Tell { .. } | Effect::Post { .. } | Effect::Unanswered { .. } => {
                    panic!("nobody here has a name or asks for anything: {effect:?}");
                }
                Effect::Route(orders) => {
                    assert!(self.shards.len() > 1, "there is nobody to route to");
                    self.route(orders);
                }
                Effect::Log { text, level } => self.seen.push(Seen::Logged {
                    text: text.into(),
                    level: format!("{level:?}"),
                }),
                Effect::RunOther {
                    command, origin, ..
                } => {
                    let origin = origin.map(|origin| self.client(shard, origin).who);
                    self.seen.push(Seen::RanOther {
                        name: command.name.into(),
                        origin,
                    });
                }
                Effect::Executed { orders, outcomes } => self.executed(shard, orders, outcomes),
                Effect::Retrying { event, attempt, .. } => {
                    let who = self.names[&event.session];
                    self.seen.push(Seen::Retrying {
                        who,
                        number: event.number,
                        attempt,
                    });
                }
                Effect::Dropped { event, reason, .. } => {
                    let (who, number) = (self.names[&event.session], event.number);
                    let reason = reason.name();
                    self.seen.push(Seen::Dropped {
                        who,
                        number,
                        reason,
                    });
                }
                Effect::Ended(session) => {
                    let client = self.clients.remove(&(shard, session));
                    let client = client.unwrap_or_else(|| panic!("{session:?} ends twice"));
                    assert!(!client.is_connected && client.with_backend.is_none());
                    self.seen.push(Seen::Ended(client.who));
                }
            }
        }
        self.check_limits();
    }

    fn tell(&mut self, shard: usize, call: Call) {
        let Call { handle, mut events } = call;
        let event = events.pop().expect("an event");
        assert!(events.is_empty(), "nothing goes out together here");
        let client = self.client(shard, event.session);
        assert_eq!(client.with_backend, None, "two events at once: {event:?}");
        client.with_backend = Some(event.id);
        client.call = Some(handle);
        let who = client.who;
        let mut message = Vec::new();
        event.fact.write_message(&mut message);
        self.seen.push(Seen::Told {
            who,
            number: event.id.number,
            attempt: event.attempt,
            message: read(std::str::from_utf8(&message).unwrap()),
            connection: read(&event.connection),
        });
    }

    /// The names of those that something goes to, which have to be there.
    fn reached(&mut self, shard: usize, handles: &[SessionHandle]) -> Vec<usize> {
        assert!(!handles.is_empty(), "nobody to reach");
        let names = handles.iter().map(|handle| {
            let client = self.client(shard, *handle);
            assert!(client.is_connected && client.is_reachable, "{client:?}");
            client.who
        });
        names.collect()
    }

    fn executed(&mut self, shard: usize, orders: Orders, outcomes: Vec<Outcome>) {
        let ticket = orders.ticket;
        let origin = orders
            .origin
            .map(|origin| self.origin(&orders, origin.session));
        let of_all = if ticket == 0 { 1 } else { self.shards.len() };
        if ticket > 0 {
            let last = std::mem::replace(&mut self.shards[shard].ticket, ticket);
            assert_eq!(
                last + 1,
                ticket,
                "lists for all have one order on all shards"
            );
        }
        let of_shards = self.outcomes.entry(ticket).or_default();
        of_shards.push(outcomes);
        if of_shards.len() == of_all {
            let of_shards = self.outcomes.remove(&ticket).unwrap_or_default();
            let merged = orders.list.merge(of_shards);
            let outcomes = merged.iter().map(seen::outcome).collect();
            self.seen.push(Seen::Executed {
                ticket,
                origin,
                outcomes,
            });
        }
    }

    fn origin(&self, orders: &Orders, handle: SessionHandle) -> usize {
        let shard = orders.origin.map_or(0, |origin| usize::from(origin.shard));
        let places = self.places.iter();
        places
            .enumerate()
            .find(|(_, place)| **place == (shard, handle))
            .unwrap()
            .0
    }

    fn client(&mut self, shard: usize, handle: SessionHandle) -> &mut Client {
        let client = self.clients.get_mut(&(shard, handle));
        client.unwrap_or_else(|| panic!("an effect names {handle:?}, which is not there"))
    }

    fn check_limits(&self) {
        let mut with_backend = BTreeMap::new();
        for ((shard, _), client) in &self.clients {
            *with_backend.entry(*shard).or_insert(0) += usize::from(client.with_backend.is_some());
        }
        for (number, shard) in self.shards.iter().enumerate() {
            let in_flight = shard.broker.calls_in_flight();
            assert_eq!(in_flight, with_backend.get(&number).copied().unwrap_or(0));
            let Gating::Own(gate) = &self.config.gate else {
                panic!("there is no gate to share");
            };
            let limit = gate.max_in_flight;
            assert!(limit == 0 || in_flight <= limit, "{in_flight} over {limit}");
        }
        let live: BTreeSet<usize> = self.clients.values().map(|client| client.who).collect();
        let sessions: usize = self
            .shards
            .iter()
            .map(|shard| shard.broker.sessions())
            .sum();
        assert_eq!(live.len(), sessions);
    }
}
