//! The payload of a close frame (RFC 6455 §5.5.1, §7.4).

use super::Violation;

/// The code that stands for a close frame without one, and must not stand in one itself (RFC 6455 §7.1.5).
pub(super) const NO_CODE: u16 = 1005;

/// What the peer's close frame says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PeerClose {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl PeerClose {
    pub(super) fn parse(payload: &[u8]) -> Result<PeerClose, Violation> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return match payload {
                [] => Ok(PeerClose {
                    code: NO_CODE,
                    reason: String::new(),
                }),
                _ => Err(Violation::HalfCloseCode),
            };
        };
        let code = u16::from_be_bytes(*code);
        if !may_be_sent(code) {
            return Err(Violation::BadCloseCode(code));
        }
        let reason = simdutf8::basic::from_utf8(reason).map_err(|_| Violation::BadCloseReason)?;
        Ok(PeerClose {
            code,
            reason: reason.to_owned(),
        })
    }
}

/// Whether a code may stand in a close frame: defined by RFC 6455 §7.4.1 or registered since (1012-1014), or from the
/// ranges for libraries and applications (§7.4.2). 1005, 1006 and 1015 only ever describe what was seen.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
