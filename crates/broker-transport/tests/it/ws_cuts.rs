//! TCP cuts a stream of frames anywhere, and that must make no difference.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::client::{hear, speech};

/// Pieces so small that every header and nearly every character is cut; single bytes unless that takes too long.
fn crumbs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(1 + bytes.len() / 10_000)
}

/// The pieces of `bytes` between the cuts.
pub(crate) fn pieces<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut start = 0;
    cuts.into_iter()
        .map(|end| &bytes[std::mem::replace(&mut start, end)..end])
        .collect()
}

proptest! {
    #[test]
    fn what_is_said_is_heard(speech in speech(), cuts in vec(any::<Index>(), 0..20)) {
        prop_assert_eq!(hear(pieces(&speech.bytes, &cuts)), speech.events);
    }

    #[test]
    fn what_is_said_is_heard_in_crumbs(speech in speech()) {
        prop_assert_eq!(hear(crumbs(&speech.bytes)), speech.events);
    }

    /// Whatever a changed byte makes of a speech, where the stream is cut has no say in it.
    #[test]
    fn what_is_garbled_is_judged_the_same_however_it_is_cut(
        mut speech in speech(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        speech.bytes.extend(b"\x81\x80\0\0\0\0");
        for (at, byte) in changes {
            let at = at.index(speech.bytes.len());
            speech.bytes[at] = byte;
        }
        let at_once = hear([&speech.bytes[..]]);
        prop_assert_eq!(&hear(pieces(&speech.bytes, &cuts)), &at_once);
        prop_assert_eq!(hear(crumbs(&speech.bytes)), at_once);
    }

    #[test]
    fn noise_is_judged_the_same_however_it_is_cut(
        noise in vec(prop_oneof![any::<u8>(), Just(0x80), Just(0x81), Just(0x01), Just(0x82)], 0..200),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        prop_assert_eq!(hear(pieces(&noise, &cuts)), hear([&noise[..]]));
    }
}
