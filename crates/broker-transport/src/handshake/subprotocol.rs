//! Agreeing on a subprotocol (RFC 6455 §1.9, §4.2.2).

use http::header::{self, HeaderMap, HeaderValue};

use super::{Refusal, is_token_byte, list};

/// Chooses the first of `ours` that the client offers; where `ours` is empty, the first that it offers.
///
/// One pass over the header, whatever is in it.
pub(super) fn choose(headers: &HeaderMap, ours: &[String]) -> Result<Option<HeaderValue>, Refusal> {
    let mut best: Option<(usize, &[u8])> = None;
    for offered in list(headers, &header::SEC_WEBSOCKET_PROTOCOL) {
        if !offered.iter().copied().all(is_token_byte) {
            return Err(Refusal::BadSubprotocol);
        }
        let rank = if ours.is_empty() {
            Some(0)
        } else {
            ours.iter().position(|our| our.as_bytes() == offered)
        };
        if let Some(rank) = rank
            && best.is_none_or(|(best, _)| rank < best)
        {
            best = Some((rank, offered));
        }
    }
    best.map(|(_, chosen)| HeaderValue::from_bytes(chosen).map_err(|_| Refusal::BadSubprotocol))
        .transpose()
}

/// Whether the client offers a subprotocol of this name.
#[must_use]
pub fn offers_subprotocol(headers: &HeaderMap, name: &[u8]) -> bool {
    list(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == name)
}
