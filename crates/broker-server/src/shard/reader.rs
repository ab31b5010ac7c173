//! Reading a connection, from its first frame until its socket is closed.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use broker_core::SessionHandle;
use broker_transport::{Flushed, Reader};
use tokio::time::timeout;

use super::Shard;
use super::connection::{Connection, Way};
use super::farewell::Ending;
use super::state::Turn;
use crate::load::Seat;

/// Reads until the WebSocket has ended, then sees the socket off.
pub(super) async fn run(shard: Rc<Shard>, session: SessionHandle, mut reader: Reader, seat: Seat) {
    if let Some(connection) = poll_fn(|cx| read(&shard, session, &mut reader, cx)).await {
        // Boxed, since few connections are ending at any time and every one would pay for the room.
        Box::pin(see_off(&shard, connection, reader)).await;
    }
    drop(seat);
    shard.ebb.notify_waiters();
}

/// Reads and handles what has arrived, until the connection has left its shard's table.
fn read(
    shard: &Rc<Shard>,
    session: SessionHandle,
    reader: &mut Reader,
    cx: &mut Context<'_>,
) -> Poll<Option<Box<Connection>>> {
    loop {
        let turn = shard.state.borrow_mut().turn(session, cx.waker());
        let mut buffer = match turn {
            Turn::Read(buffer) => buffer,
            Turn::GoOn => {
                shard.work_for(session, |state, now| state.receive_unread(now, session));
                continue;
            }
            Turn::Wait => return Poll::Pending,
            Turn::SeeOff(connection) => return Poll::Ready(connection),
        };
        let arrived = reader.poll_read(cx, &mut buffer);
        if let Poll::Ready(arrived) = arrived {
            let is_full = arrived.as_ref().is_ok_and(|len| *len == buffer.len());
            handle(shard, session, arrived.map(|len| &mut buffer[..len]));
            shard.state.borrow_mut().return_buffer(buffer);
            if is_full {
                // Whoever sends without end takes turns with the others.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        } else {
            shard.state.borrow_mut().return_buffer(buffer);
            return Poll::Pending;
        }
    }
}

/// Does with what has arrived what it asks for: nothing at all is the end of the socket.
pub(super) fn handle(shard: &Rc<Shard>, session: SessionHandle, arrived: io::Result<&mut [u8]>) {
    shard.work_for(session, |state, now| match arrived {
        Ok([]) => state.end(now, session, Ending::lost("")),
        Ok(bytes) => state.receive(now, session, bytes),
        Err(error) => state.end(now, session, Ending::lost(error.to_string())),
    });
}

/// Sends what is queued, says that no more will come, and reads until the peer has closed too: closing a socket with
/// unread bytes would reset it, and the reset could overtake our close frame (RFC 6455 §7.1.1).
///
/// It is read from the start, since a peer that is busy sending may not take anything before it is done with that.
async fn see_off(shard: &Rc<Shard>, mut connection: Box<Connection>, mut reader: Reader) {
    // One that is polled is nobody's to see off.
    let Way::Socket(writer) = connection.way else {
        return;
    };
    let close_timeout = shard.settings.close_timeout();
    let write_timeout = shard.settings.write_timeout.unwrap_or(close_timeout);
    let say_all = async {
        while let Ok(Flushed::Blocked) = connection.outbound.flush(&writer) {
            if !matches!(timeout(write_timeout, writer.writable()).await, Ok(Ok(()))) {
                return;
            }
        }
        writer.shutdown();
    };
    let hear_out = async {
        let mut unwanted = [0; 1024];
        while let Ok(1..) = reader.read(&mut unwanted).await {}
    };
    let (mut say_all, mut hear_out) = (pin!(say_all), pin!(hear_out));
    tokio::select! {
        () = &mut say_all => {
            // Whoever takes longer, or has gone, has had its time.
            let _ = timeout(close_timeout, hear_out).await;
        }
        () = &mut hear_out => say_all.await,
    }
}
