//! As much HTTP/1.1 as the benchmarks need: one whole message at a time, with
//! a length or in chunks, on connections that stay open.

use std::{borrow::Cow, io};

/// A whole request or response at the start of a buffer.
pub(crate) struct Message<'a> {
    /// Of a response; 0 in a request.
    pub(crate) status: u16,
    pub(crate) body: Cow<'a, [u8]>,
    /// Bytes of head and body as they came.
    pub(crate) len: usize,
    /// The sender closes the connection, or wants it closed, after this.
    pub(crate) close: bool,
}

/// The request at the start of `bytes`, once it is whole.
pub(crate) fn request(bytes: &[u8]) -> io::Result<Option<Message<'_>>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(bytes).map_err(invalid)? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(end) => message(0, head.headers, bytes, end),
    }
}

/// The response at the start of `bytes`, once it is whole.
pub(crate) fn response(bytes: &[u8]) -> io::Result<Option<Message<'_>>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    match head.parse(bytes).map_err(invalid)? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(end) => {
            message(head.code.unwrap_or(0), head.headers, bytes, end)
        }
    }
}

fn message<'a>(
    status: u16,
    headers: &[httparse::Header<'_>],
    bytes: &'a [u8],
    head_len: usize,
) -> io::Result<Option<Message<'a>>> {
    let value = |name: &str| {
        let header = headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| header.value)
    };
    let close = value("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    let rest = &bytes[head_len..];
    let body = if value("transfer-encoding").is_some() {
        chunked(rest)?
    } else {
        let len = value("content-length").unwrap_or(b"0");
        let len = str::from_utf8(len)
            .ok()
            .and_then(|len| len.parse().ok())
            .ok_or_else(|| io::Error::other("a content-length that is no number"))?;
        rest.get(..len).map(|body| (Cow::Borrowed(body), len))
    };
    Ok(body.map(|(body, body_len)| Message {
        status,
        body,
        len: head_len + body_len,
        close,
    }))
}

/// A whole chunked body (RFC 9112 §7.1, without trailers), and the bytes it took.
fn chunked(bytes: &[u8]) -> io::Result<Option<(Cow<'static, [u8]>, usize)>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        match httparse::parse_chunk_size(&bytes[at..]) {
            Err(_) => return Err(io::Error::other("a chunk size that is no number")),
            Ok(httparse::Status::Partial) => return Ok(None),
            Ok(httparse::Status::Complete((line, size))) => {
                let start = at + line;
                let size = usize::try_from(size).map_err(io::Error::other)?;
                let Some(chunk) = bytes.get(start..start + size + 2) else {
                    return Ok(None);
                };
                body.extend_from_slice(&chunk[..size]);
                at = start + chunk.len();
                if size == 0 {
                    return Ok(Some((Cow::Owned(body), at)));
                }
            }
        }
    }
}

fn invalid(error: httparse::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
