//! The PROXY protocol, versions 1 and 2: with it a proxy says, before anything else, for whom it has connected.
//!
//! [`parse`] is pure; [`take_header`] takes exactly the header out of a socket, so that whatever comes behind it (HTTP,
//! TLS) begins as if there had been no proxy. Sections are those of haproxy's `proxy-protocol.txt`.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use proxy_header::{ParseConfig, ProxyHeader};
use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;

use crate::stream::Socket;

/// The longest header that is taken, in bytes. Version 2 allows more, but what proxies add to the addresses is short.
pub const HEADER_BYTES_MAX: usize = 4096;

/// The longest line of version 1, with its end (§2.1).
const LINE_BYTES_MAX: usize = 107;

const LINE_PREFIX: &[u8] = b"PROXY ";

/// What version 2 begins with (§2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family, and the length of what follows.
const FIXED_BYTES: usize = 16;

/// For whom a proxy has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduction {
    /// The client at this address, IPv4-mapped ones as IPv4.
    Client(IpAddr),
    /// Nobody that has an address: itself (`LOCAL`), or somebody of whom it cannot say it (`UNKNOWN`).
    Nobody,
}

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// What came is not what the protocol asks for.
    #[error("this is no PROXY protocol header")]
    Malformed,
    /// It goes on beyond [`HEADER_BYTES_MAX`].
    #[error("the PROXY protocol header is longer than {HEADER_BYTES_MAX} bytes")]
    TooLong,
    /// The peer has closed before the header was complete.
    #[error("the connection ended before the PROXY protocol header did")]
    Ended,
    /// The socket has failed.
    #[error("the PROXY protocol header could not be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads the header that `bytes` begin with: what it says, and how many bytes it has; nothing as long as more of it has
/// to come.
///
/// # Errors
/// As soon as `bytes` can't become a header, [`HeaderError::Malformed`] or [`HeaderError::TooLong`].
pub fn parse(bytes: &[u8]) -> Result<Option<(Introduction, usize)>, HeaderError> {
    if begins_like(bytes, LINE_PREFIX) {
        parse_line(bytes)
    } else if begins_like(bytes, SIGNATURE) {
        parse_binary(bytes)
    } else {
        Err(HeaderError::Malformed)
    }
}

/// Whether bytes have a beginning, or may yet have it.
fn begins_like(bytes: &[u8], beginning: &[u8]) -> bool {
    bytes.starts_with(beginning) || beginning.starts_with(bytes)
}

/// Version 1, a line of text (§2.1).
fn parse_line(bytes: &[u8]) -> Result<Option<(Introduction, usize)>, HeaderError> {
    let bytes = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let family = bytes.get(LINE_PREFIX.len()..).unwrap_or_default();
    let families: [&[u8]; 4] = [b"TCP4 ", b"TCP6 ", b"UNKNOWN ", b"UNKNOWN\r\n"];
    if !families.iter().any(|known| begins_like(family, known)) {
        return Err(HeaderError::Malformed);
    }
    let Some(end) = bytes.iter().position(|byte| !matches!(byte, b' '..=b'~')) else {
        let is_full = bytes.len() == LINE_BYTES_MAX;
        return if is_full {
            Err(HeaderError::Malformed)
        } else {
            Ok(None)
        };
    };
    match &bytes[end..] {
        [b'\r'] if end + 1 < LINE_BYTES_MAX => return Ok(None),
        [b'\r', b'\n', ..] => {}
        _ => return Err(HeaderError::Malformed),
    }
    let len = end + 2;
    if family.starts_with(b"UNKNOWN") {
        // Whatever else the line says has to be ignored.
        return Ok(Some((Introduction::Nobody, len)));
    }
    addresses(&bytes[..len]).map(|introduction| Some((introduction, len)))
}

/// Version 2, in binary (§2.2).
fn parse_binary(bytes: &[u8]) -> Result<Option<(Introduction, usize)>, HeaderError> {
    let is_local = match bytes.get(SIGNATURE.len()) {
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(HeaderError::Malformed),
        None => return Ok(None),
    };
    let Some(&[high, low]) = bytes.get(FIXED_BYTES - 2..FIXED_BYTES) else {
        return Ok(None);
    };
    let len = FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if len > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    let Some(header) = bytes.get(..len) else {
        return Ok(None);
    };
    let introduction = if is_local {
        // Whatever else the header says has to be ignored.
        Introduction::Nobody
    } else {
        addresses(header)?
    };
    Ok(Some((introduction, len)))
}

/// What a header says that is complete.
fn addresses(header: &[u8]) -> Result<Introduction, HeaderError> {
    let config = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    match ProxyHeader::parse(header, config) {
        Ok((parsed, len)) if len == header.len() => Ok(match parsed.proxied_address() {
            Some(addresses) => Introduction::Client(addresses.source.ip().to_canonical()),
            None => Introduction::Nobody,
        }),
        // One that is complete and yet too short for its addresses is no better than one that is wrong.
        Ok(_) | Err(_) => Err(HeaderError::Malformed),
    }
}

/// Takes a header out of a socket, and nothing that comes behind it. It waits as long as it has to.
///
/// # Errors
/// When there is none.
pub async fn take_header(socket: &Socket) -> Result<Introduction, HeaderError> {
    let mut header = vec![0; HEADER_BYTES_MAX];
    let mut taken = 0;
    loop {
        // It is looked at first, since nothing that is taken could be put back.
        let seen = receive(socket, &mut header[taken..], RecvFlags::PEEK).await?;
        if seen == 0 {
            return Err(HeaderError::Ended);
        }
        let parsed = parse(&header[..taken + seen])?;
        let known = parsed.map_or(taken + seen, |(_, len)| len);
        while taken < known {
            match receive(socket, &mut header[taken..known], RecvFlags::empty()).await? {
                0 => return Err(HeaderError::Ended),
                received => taken += received,
            }
        }
        if let Some((introduction, _)) = parsed {
            // Where nothing has come behind it yet, the socket learns so, and `readable` waits for it.
            let _ = receive_now(socket, &mut [0], RecvFlags::PEEK);
            return Ok(introduction);
        }
    }
}

/// Receives what has arrived, waiting until there is something or the end.
async fn receive(socket: &Socket, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    loop {
        socket.readable().await?;
        match receive_now(socket, buffer, flags) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => return received,
        }
    }
}

fn receive_now(socket: &Socket, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    match socket {
        Socket::Tcp(socket) => socket.try_io(Interest::READABLE, || from(socket, buffer, flags)),
        Socket::Unix(socket) => socket.try_io(Interest::READABLE, || from(socket, buffer, flags)),
    }
}

fn from(socket: impl AsFd, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    let (_, len) = rustix::io::retry_on_intr(|| recv(&socket, &mut *buffer, flags))?;
    Ok(len)
}

#[cfg(test)]
mod tests;
