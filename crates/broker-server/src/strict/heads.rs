//! Heads that give two ways to find their end.
//!
//! A request with both `Content-Length` and `Transfer-Encoding` may end at two places, and who stands between, a proxy
//! say, may think of the other one: that is how requests are smuggled past it (RFC 9112 §6.3). hyper reads such a
//! request by its chunks and forgets the length before anybody sees it. Therefore the bytes are looked at on their way
//! to hyper.

/// The name of a header that says where a body ends.
const LENGTH: &[u8] = b"content-length";
const CODING: &[u8] = b"transfer-encoding";

/// Looks at the bytes of a connection as far as it takes to know which of them are heads.
///
/// It only has to understand heads that hyper accepts; hyper ends the connection at any other.
#[derive(Debug, Default)]
pub(super) struct Heads {
    place: Place,
    /// Whether a line that is not empty has come: those before it do not end the head.
    has_begun: bool,
    /// What the head has said of its body so far.
    length: Option<u64>,
    is_chunked: bool,
}

/// Where in a stream of requests the next byte belongs.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a line of a head before its first colon, of which this much has come, in lower case; a longer one than any
    /// of interest stays full.
    Name([u8; NAME_MAX], usize),
    /// Behind the first colon.
    Value(Field),
    /// In a body with so many bytes to come.
    Body(u64),
    /// In chunks. The connection ends with this request, so nothing is looked at any more.
    Chunks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Length,
    Other,
}

const NAME_MAX: usize = CODING.len() + 1;
const LINE_START: Place = Place::Name([0; NAME_MAX], 0);

impl Default for Place {
    fn default() -> Self {
        LINE_START
    }
}

impl Heads {
    /// Looks at the next bytes. The second way of finding a body's end in a head is made illegible, so that hyper
    /// refuses it as it does any other head that it cannot read.
    pub(super) fn look_at(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            match self.place {
                Place::Chunks => return,
                Place::Body(left) => {
                    let here =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    bytes = &mut bytes[here..];
                    self.place = match left - here as u64 {
                        0 => LINE_START,
                        left => Place::Body(left),
                    };
                }
                Place::Name(..) | Place::Value(_) => {
                    let (byte, rest) = bytes.split_at_mut(1);
                    self.step(&mut byte[0]);
                    bytes = rest;
                }
            }
        }
    }

    /// One byte of a head.
    fn step(&mut self, byte: &mut u8) {
        match (&mut self.place, *byte) {
            (Place::Name(name, len), b'\n') => {
                let is_empty = matches!(&name[..*len], b"" | b"\r");
                self.place = match is_empty && self.has_begun {
                    true => self.body(),
                    false => LINE_START,
                };
                self.has_begun |= !is_empty;
            }
            (Place::Value(_), b'\n') => {
                self.has_begun = true;
                self.place = LINE_START;
            }
            (Place::Name(name, len), b':') => match &name[..*len] {
                LENGTH if !self.is_chunked => {
                    self.length = Some(0);
                    self.place = Place::Value(Field::Length);
                }
                CODING if self.length.is_none() => {
                    self.is_chunked = true;
                    self.place = Place::Value(Field::Other);
                }
                LENGTH | CODING => *byte = 0,
                _ => self.place = Place::Value(Field::Other),
            },
            (Place::Name(name, len), byte) => {
                if let Some(next) = name.get_mut(*len) {
                    *next = byte.to_ascii_lowercase();
                    *len += 1;
                }
            }
            (Place::Value(Field::Length), digit @ b'0'..=b'9') => {
                // A length that is no number, or that a later line contradicts, ends the connection.
                let digit = u64::from(digit - b'0');
                let so_far = self.length.unwrap_or(0);
                self.length = Some(so_far.saturating_mul(10).saturating_add(digit));
            }
            (Place::Value(_), _) => {}
            (Place::Body(_) | Place::Chunks, _) => {}
        }
    }

    /// What follows a head that has ended; the head after it begins anew.
    fn body(&mut self) -> Place {
        let Heads {
            length, is_chunked, ..
        } = std::mem::take(self);
        match (length, is_chunked) {
            (_, true) => Place::Chunks,
            (None | Some(0), false) => LINE_START,
            (Some(length), false) => Place::Body(length),
        }
    }
}

#[cfg(test)]
mod tests;
