//! How many connections each client's address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use super::Full;

/// Counts the connections of each address, if there is a limit. Locked when a client comes and when it has gone, and at no
/// other time; it holds no more addresses than there are connections.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    counted: Option<Arc<Counted>>,
}

#[derive(Debug)]
struct Counted {
    max: NonZeroU32,
    /// Never 0: with its last connection, an address goes.
    counts: Mutex<HashMap<Owner, NonZeroU32>>,
}

/// What counts as one client: an IPv4 address, or the network of 64 bits that one subscriber of IPv6 is given at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Address(Ipv4Addr),
    Network(u64),
}

/// One connection's place among those of its client; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    counted: Arc<Counted>,
    owner: Owner,
}

impl Addresses {
    pub(super) fn new(max: Option<NonZeroU32>) -> Addresses {
        let counted = |max| {
            Arc::new(Counted {
                max,
                counts: Mutex::default(),
            })
        };
        Addresses {
            counted: max.map(counted),
        }
    }

    /// A place among the connections of this address; none where nobody counts.
    pub(super) fn take_place(&self, ip: IpAddr) -> Result<Option<Place>, Full> {
        let Some(counted) = &self.counted else {
            return Ok(None);
        };
        let owner = Owner::of(ip);
        let mut counts = counted
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match counts.entry(owner) {
            Entry::Occupied(count) if *count.get() >= counted.max => return Err(Full::Address),
            Entry::Occupied(mut count) => *count.get_mut() = count.get().saturating_add(1),
            Entry::Vacant(count) => {
                count.insert(NonZeroU32::MIN);
            }
        }
        Ok(Some(Place {
            counted: counted.clone(),
            owner,
        }))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let counted = self.counted.as_ref().unwrap();
        counted.counts.lock().unwrap().len()
    }
}

impl Owner {
    fn of(ip: IpAddr) -> Owner {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Owner::Address(ip),
            IpAddr::V6(ip) => Owner::Network((ip.to_bits() >> 64) as u64),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .counted
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.owner) {
            match NonZeroU32::new(count.get().get() - 1) {
                Some(fewer) => *count.get_mut() = fewer,
                None => {
                    count.remove();
                }
            }
        }
    }
}
