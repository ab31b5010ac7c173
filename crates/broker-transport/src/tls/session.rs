//! A TLS connection that one thread reads and writes.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll};

use rustls::ServerConnection;
use tokio::io::ReadBuf;

use crate::stream::{Socket, SocketReader, SocketWriter};

/// How much is encrypted before it is written: one full record (RFC 8446 §5.1). No more than its ciphertext ever waits
/// outside the connection's own queue.
const BYTES_PER_WRITE: usize = 16 * 1024;

/// Takes an established connection apart; both directions belong to this thread.
pub(crate) fn split(socket: Socket, mut tls: ServerConnection) -> (TlsReader, TlsWriter) {
    tls.set_buffer_limit(Some(BYTES_PER_WRITE));
    let (reader, writer) = socket.split();
    let session = Rc::new(Session {
        tls: RefCell::new(tls),
        socket: writer,
        is_owing: Cell::new(false),
    });
    let writer = TlsWriter {
        session: session.clone(),
    };
    (
        TlsReader {
            socket: reader,
            session,
        },
        writer,
    )
}

/// What both directions need: to read is to write as well, since TLS answers by itself.
#[derive(Debug)]
struct Session {
    tls: RefCell<ServerConnection>,
    socket: SocketWriter,
    /// The last byte that was encrypted has not been reported as written, since the socket has not taken all of its
    /// record. Whoever writes waits for that.
    is_owing: Cell<bool>,
}

impl Session {
    /// Writes the records that wait.
    fn flush(&self, tls: &mut ServerConnection) -> io::Result<()> {
        while tls.wants_write() {
            if tls.write_tls(&mut Now(&self.socket))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Writes what TLS answers to what was read: an alert, a new key. If it does not fit now, this task is woken to try
    /// again, unless a writer waits for the socket anyway.
    fn answer(&self, tls: &mut ServerConnection, cx: &mut Context<'_>) {
        while tls.wants_write() && !self.is_owing.get() {
            match self.flush(tls) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.socket.poll_writable(cx).is_pending() {
                        return;
                    }
                }
                // A socket that has failed says so to whoever reads it.
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// The reading direction of a TLS connection.
#[derive(Debug)]
pub struct TlsReader {
    socket: SocketReader,
    session: Rc<Session>,
}

impl TlsReader {
    /// Reads and decrypts what has arrived; nothing means that the peer has closed its half. An end without a
    /// `close_notify` is not told from one with: WebSocket has a close frame of its own, and knows what was cut short.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let mut tls = self.session.tls.borrow_mut();
        let end = read(&mut tls, &mut self.socket, cx, buffer);
        self.session.answer(&mut tls, cx);
        // What ended the reading shows again the next time.
        if buffer.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        end
    }
}

/// Reads until the buffer is full or there is nothing more.
fn read(
    tls: &mut ServerConnection,
    socket: &mut SocketReader,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    loop {
        // Some may have come with the handshake, or not have fitted the last time. What was good before a bad record counts.
        let processed = tls.process_new_packets();
        loop {
            let room = buffer.initialize_unfilled();
            if room.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match tls.reader().read(room) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(len) => buffer.advance(len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        match tls.read_tls(&mut Arrived { socket, cx }) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

/// The writing direction of a TLS connection.
#[derive(Debug)]
pub struct TlsWriter {
    session: Rc<Session>,
}

impl TlsWriter {
    /// Encrypts and writes; see [`Writer::try_write_vectored`](crate::Writer::try_write_vectored).
    ///
    /// The slices are frames of two bytes or more, the first perhaps cut. Bytes count as written when the socket has
    /// taken them, so that what is queued for a connection is in its queue and nowhere else. All but the last of a
    /// blocked record are an exception: they are reported at once, and only that last one is owed, so that its frame
    /// counts as begun and is not dropped from the queue.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let session = &*self.session;
        let mut tls = session.tls.borrow_mut();
        session.flush(&mut tls)?;
        if session.is_owing.take() {
            return Ok(1);
        }
        let taken = encrypt(&mut tls, slices)?;
        match session.flush(&mut tls) {
            Ok(()) => Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => {
                session.is_owing.set(true);
                // Less than two were left of a frame, of which something was written already.
                if taken == 1 {
                    Err(error)
                } else {
                    Ok(taken - 1)
                }
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.session.socket.writable().await
    }

    /// Sends `close_notify` (RFC 8446 §6.1), and says that nothing more will come.
    pub(crate) fn shutdown(&self) {
        let mut tls = self.session.tls.borrow_mut();
        tls.send_close_notify();
        // Where it does not fit the peer does not read.
        let _ = self.session.flush(&mut tls);
        self.session.socket.shutdown();
    }
}

impl Drop for TlsWriter {
    fn drop(&mut self) {
        self.session.socket.shutdown();
    }
}

/// Encrypts as many whole slices as one write may have, or the beginning of the first; that the last byte is never the
/// first of a frame is what [`TlsWriter::try_write_vectored`] relies on.
fn encrypt(tls: &mut ServerConnection, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut len = 0;
    let fitting = slices
        .iter()
        .take_while(|slice| {
            len += slice.len();
            len <= BYTES_PER_WRITE
        })
        .count();
    match (fitting, slices) {
        (0, [first, ..]) => tls.writer().write(&first[..BYTES_PER_WRITE]),
        _ => tls.writer().write_vectored(&slices[..fitting]),
    }
}

/// What has arrived at a socket, as rustls reads it.
struct Arrived<'a, 'b> {
    socket: &'a mut SocketReader,
    cx: &'a mut Context<'b>,
}

impl Read for Arrived<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        match self.socket.poll_read(self.cx, &mut buffer) {
            Poll::Ready(outcome) => outcome.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// What a socket takes now, as rustls writes it.
struct Now<'a>(&'a SocketWriter);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
