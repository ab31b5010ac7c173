//! How many connections there are: on each shard, so that a new one goes where there are fewest, in all, and of each
//! client's address.

mod addresses;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use self::addresses::Addresses;
use crate::counters::Rejected;

pub(crate) use self::addresses::Place;

/// Counts connections. Written when one is accepted or its client becomes known, when it is gone, and at no other time.
#[derive(Clone, Debug)]
pub(crate) struct Loads(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    shards: Box<[AtomicUsize]>,
    max: usize,
    addresses: Addresses,
    /// How many places were given out, ever.
    given: AtomicU64,
}

/// A connection's place in the counts; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Seat {
    counts: Arc<Counts>,
    shard: usize,
    /// Its place in the order of connecting, from 1.
    order: u64,
    /// Its place among the connections of its client's address, as soon as that is known.
    place: Option<Place>,
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
            given: AtomicU64::new(0),
        }))
    }

    /// A place on the shard with the fewest connections, and among those of the client if it is known.
    pub(crate) fn take_seat(&self, client: Option<IpAddr>) -> Result<Seat, Full> {
        let loads = self.0.loads().enumerate();
        let (shard, _) = loads.min_by_key(|(_, load)| *load).ok_or(Full::All)?;
        Counts::take_seat(&self.0, shard, client)
    }
}

impl Counts {
    fn take_seat(counts: &Arc<Counts>, shard: usize, client: Option<IpAddr>) -> Result<Seat, Full> {
        if counts.loads().sum::<usize>() >= counts.max {
            return Err(Full::All);
        }
        let place = match client {
            Some(ip) => counts.addresses.take_place(ip)?,
            None => None,
        };
        counts.shards[shard].fetch_add(1, Ordering::Relaxed);
        Ok(Seat {
            counts: counts.clone(),
            shard,
            order: counts.given.fetch_add(1, Ordering::Relaxed) + 1,
            place,
        })
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
        self.counts.shards[self.shard].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
