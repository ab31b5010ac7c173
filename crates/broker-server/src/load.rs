//! How many connections there are: on each shard, so that a new one goes where there are fewest, in all, and of each
//! client's address.

mod addresses;

use std::cell::Cell;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use self::addresses::Addresses;
use crate::counters::Rejected;

pub(crate) use self::addresses::Place;

/// How many sockets may stand for each session that polls: one that polls, one that brings a body, one that is to take
/// over, and one that is just being closed.
const SOCKETS_OF_POLLED: usize = 4;

/// Counts connections. Written when one is accepted or its client becomes known, when it is gone, and at no other time.
#[derive(Clone, Debug)]
pub(crate) struct Loads(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    shards: Box<[AtomicUsize]>,
    max: usize,
    addresses: Addresses,
    /// How many of the seats are those of sessions that poll.
    polled: AtomicUsize,
    /// How many sockets stand.
    standing: AtomicUsize,
    /// How many places were given out, ever.
    given: AtomicU64,
}

/// A connection's place in the counts; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Seat {
    counts: Arc<Counts>,
    shard: usize,
    /// What it is one of. Shared, since whoever stands may sit down while requests are being answered.
    kind: Cell<Kind>,
    /// Its place in the order of connecting, from 1.
    order: u64,
    /// Its place among the connections of its client's address, as soon as that is known.
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Those of which there are at most so many.
    Seated,
    /// Those, too; and who sits there has no socket, but comes by others, which need places of their own.
    Polled,
    /// Those beyond the limit, of whom each may yet be one that a session which polls has sent.
    Standing,
}

/// Why there is no room for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many as there may be in all.
    All,
    /// There are as many as there may be of this client's address.
    Address,
}

impl Full {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Full::All => "there are max_connections already",
            Full::Address => "there are max_connections_per_ip of this address already",
        }
    }

    /// What it is counted as.
    pub(crate) fn counted(self) -> Rejected {
        match self {
            Full::All => Rejected::Connections,
            Full::Address => Rejected::ConnectionsPerIp,
        }
    }
}

impl Loads {
    /// At most `max` connections, and `max_per_address` of one client's address.
    pub(crate) fn new(shards: usize, max: usize, max_per_address: Option<NonZeroU32>) -> Loads {
        Loads(Arc::new(Counts {
            shards: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            max,
            addresses: Addresses::new(max_per_address),
            polled: AtomicUsize::new(0),
            standing: AtomicUsize::new(0),
            given: AtomicU64::new(0),
        }))
    }

    /// A place on the shard with the fewest connections, and among those of the client if it is known.
    pub(crate) fn take_seat(&self, client: Option<IpAddr>) -> Result<Seat, Full> {
        Counts::take_seat(&self.0, self.0.emptiest()?, client)
    }

    /// The same for a socket, which may come from a client that polls: where there is no room for more, it may stand.
    pub(crate) fn admit_socket(&self, client: Option<IpAddr>) -> Result<Seat, Full> {
        self.take_seat(client)
            .or_else(|full| Counts::stand(&self.0).ok_or(full))
    }
}

impl Counts {
    fn take_seat(counts: &Arc<Counts>, shard: usize, client: Option<IpAddr>) -> Result<Seat, Full> {
        counts.check_room()?;
        let place = match client {
            Some(ip) => counts.addresses.take_place(ip)?,
            None => None,
        };
        counts.shards[shard].fetch_add(1, Ordering::Relaxed);
        Ok(Counts::seat(counts, shard, Kind::Seated, place))
    }

    fn stand(counts: &Arc<Counts>) -> Option<Seat> {
        let most = SOCKETS_OF_POLLED * counts.polled.load(Ordering::Relaxed);
        let one_more = |standing| (standing < most).then_some(standing + 1);
        let shard = counts.emptiest().ok()?;
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        counts.standing.fetch_update(set, get, one_more).ok()?;
        Some(Counts::seat(counts, shard, Kind::Standing, None))
    }

    fn seat(counts: &Arc<Counts>, shard: usize, kind: Kind, place: Option<Place>) -> Seat {
        Seat {
            counts: counts.clone(),
            shard,
            kind: Cell::new(kind),
            order: counts.given.fetch_add(1, Ordering::Relaxed) + 1,
            place,
        }
    }

    fn check_room(&self) -> Result<(), Full> {
        if self.loads().sum::<usize>() < self.max {
            Ok(())
        } else {
            Err(Full::All)
        }
    }

    /// The shard with the fewest connections.
    fn emptiest(&self) -> Result<usize, Full> {
        let loads = self.loads().enumerate();
        let (shard, _) = loads.min_by_key(|(_, load)| *load).ok_or(Full::All)?;
        Ok(shard)
    }

    fn loads(&self) -> impl Iterator<Item = usize> {
        self.shards
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
    }
}

impl Seat {
    pub(crate) fn shard(&self) -> usize {
        self.shard
    }

    pub(crate) fn order(&self) -> u64 {
        self.order
    }

    /// Whether it is none of those of which there are at most so many.
    pub(crate) fn is_standing(&self) -> bool {
        self.kind.get() == Kind::Standing
    }

    /// Has who stands sit down, where there is room by now.
    pub(crate) fn sit(&self) -> Result<(), Full> {
        if self.is_standing() {
            self.counts.check_room()?;
            self.counts.shards[self.shard].fetch_add(1, Ordering::Relaxed);
            self.counts.standing.fetch_sub(1, Ordering::Relaxed);
            self.kind.set(Kind::Seated);
        }
        Ok(())
    }

    /// Makes it that of a session that polls.
    pub(crate) fn begin_polling(&self) {
        if self.kind.get() == Kind::Seated {
            self.counts.polled.fetch_add(1, Ordering::Relaxed);
            self.kind.set(Kind::Polled);
        }
    }

    /// Makes it that of a session that has gone over to a socket of its own.
    pub(crate) fn end_polling(&self) {
        if self.kind.get() == Kind::Polled {
            self.counts.polled.fetch_sub(1, Ordering::Relaxed);
            self.kind.set(Kind::Seated);
        }
    }

    /// One more on the same shard, for a client that will be known later.
    pub(crate) fn beside(&self) -> Result<Seat, Full> {
        Counts::take_seat(&self.counts, self.shard, None)
    }

    /// A place for this connection among those of its client; none where it has one, or nobody counts.
    pub(crate) fn place_for(&self, client: Option<IpAddr>) -> Result<Option<Place>, Full> {
        match (&self.place, client) {
            (None, Some(ip)) => self.counts.addresses.take_place(ip),
            (Some(_), _) | (None, None) => Ok(None),
        }
    }

    /// Keeps a place as long as the connection has its own.
    pub(crate) fn keep(&mut self, place: Option<Place>) {
        self.place = self.place.take().or(place);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.end_polling();
        let count = match self.kind.get() {
            Kind::Seated | Kind::Polled => &self.counts.shards[self.shard],
            Kind::Standing => &self.counts.standing,
        };
        count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
