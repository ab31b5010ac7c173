//! The task that serves a WebSocket, from the response to its handshake until the socket is closed.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use broker_core::close_code;
use broker_transport::Patient;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::WebSocket;
use super::audience::Audience;
use super::event::{Error, Event};
use super::shared::Shared;
use super::state::{Ending, Heard};

/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// How long it waits for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the connection.
    pub(super) handshake: Duration,
    /// For the peer to take anything of what it is sent; none is no limit.
    pub(super) write: Option<Duration>,
    /// For the peer's end of the socket.
    pub(super) close: Duration,
}

/// Waits for the connection, serves it, and sees it off.
pub(super) async fn run(
    websocket: WebSocket,
    upgrade: OnUpgrade,
    mut audience: Audience,
    patience: Patience,
) {
    let shared = &websocket.shared;
    let mut inbox = Inbox::default();
    let upgraded = match connection(shared, upgrade, patience.handshake).await {
        Ok(upgraded) => upgraded,
        Err(ending) => {
            let ending = shared.end(ending);
            return tell_end(&websocket, audience, inbox, ending).await;
        }
    };
    let stream = Patient::new(TokioIo::new(upgraded), patience.write);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let ending = serve(
        &websocket,
        &mut reader,
        &mut writer,
        &mut audience,
        &mut inbox,
    )
    .await;
    let is_lost = ending.is_lost;
    let ending = shared.end(ending);
    let telling = tell_end(&websocket, audience, inbox, ending);
    if is_lost {
        // The socket is free at once, however long whoever hears of it takes.
        drop((reader, writer));
        return telling.await;
    }
    let seeing_off = async {
        tokio::select! {
            () = see_off(shared, reader, writer, patience) => {}
            _ = shared.aborted() => {}
        }
    };
    tokio::join!(telling, seeing_off);
}

/// Waits for the connection; gives the end if there will be none.
async fn connection(
    shared: &Shared,
    upgrade: OnUpgrade,
    patience: Duration,
) -> Result<Upgraded, Ending> {
    let upgraded = tokio::select! {
        upgraded = timeout(patience, upgrade) => upgraded,
        ending = shared.aborted() => return Err(ending),
    };
    upgraded
        .map_err(|_| Error::TooLate)
        .and_then(|upgraded| upgraded.map_err(Error::NoConnection))
        .map_err(|error| Ending::lost(Some(error)))
}

/// Reads, writes and keeps the time until it has ended.
async fn serve(
    websocket: &WebSocket,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    audience: &mut Audience,
    inbox: &mut Inbox,
) -> Ending {
    let shared = &websocket.shared;
    let gone = audience.gone();
    let mut serving = pin!(async {
        tokio::select! {
            ending = read(websocket, reader, audience, inbox) => ending,
            error = shared.write(writer) => Ending::lost(Some(Error::Failed(error))),
            ending = shared.keep_time() => ending,
            ending = shared.aborted() => ending,
        }
    });
    tokio::select! {
        ending = &mut serving => ending,
        () = gone => {
            shared.close(close_code::GOING_AWAY, "");
            serving.await
        }
    }
}

/// What has been read and was not told yet.
#[derive(Debug, Default)]
struct Inbox {
    bytes: Vec<u8>,
    /// How much of `bytes` was taken out.
    taken: usize,
    /// The last that was taken out, if it was not told.
    event: Option<Event>,
}

impl Inbox {
    /// Tells of all that there is; gives the end of the WebSocket, if that is in it. Given up, it can be gone on with.
    async fn tell_all(&mut self, websocket: &WebSocket, audience: &mut Audience) -> Option<Ending> {
        loop {
            if self.event.is_some() {
                audience.hear(websocket, &mut self.event).await;
            }
            let mut input = &mut self.bytes[self.taken..];
            let heard = websocket.shared.receive(&mut input);
            let left = input.len();
            self.taken = self.bytes.len() - left;
            match heard? {
                Heard::Event(event) => self.event = Some(event),
                Heard::Nothing => {}
                Heard::Ended(ending) => return Some(ending),
            }
        }
    }
}

/// Reads until the WebSocket has ended. What was not told by then is left in the inbox.
async fn read(
    websocket: &WebSocket,
    reader: &mut (impl AsyncRead + Unpin),
    audience: &mut Audience,
    inbox: &mut Inbox,
) -> Ending {
    loop {
        let arrived = match poll_fn(|cx| poll_read(reader, cx)).await {
            Ok(arrived) if arrived.is_empty() => return Ending::lost(None),
            Ok(arrived) => arrived,
            Err(error) => return Ending::lost(Some(Error::Failed(error))),
        };
        (inbox.bytes, inbox.taken) = (arrived, 0);
        if let Some(ending) = inbox.tell_all(websocket, audience).await {
            return ending;
        }
        inbox.bytes = Vec::new();
        inbox.taken = 0;
        // Whoever sends without end takes turns with what is written and with what is due.
        tokio::task::yield_now().await;
    }
}

/// Reads what has arrived; nothing means that the peer has closed its half. No buffer is kept while it is silent.
fn poll_read(
    reader: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<Vec<u8>>> {
    let mut buffer = [0; READ_BYTES];
    let mut buffer = ReadBuf::new(&mut buffer);
    ready!(Pin::new(reader).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().to_vec()))
}

/// Tells whoever hears it how it has ended, behind what was not told yet; if the peer's own end is in that, it counts.
async fn tell_end(websocket: &WebSocket, mut audience: Audience, mut inbox: Inbox, ending: Ending) {
    let ending = match inbox.tell_all(websocket, &mut audience).await {
        Some(last) => websocket.shared.end(last),
        None => ending,
    };
    let end = Event::Close(ending.closed);
    let events = [ending.error.map(Event::Error), Some(end)];
    for mut event in events.into_iter().filter(Option::is_some) {
        audience.hear(websocket, &mut event).await;
    }
}

/// Sends what is queued, says that no more will come, and reads until the peer has closed too: closing a socket with
/// unread bytes would reset it, and the reset could overtake our close frame (RFC 6455 §7.1.1).
async fn see_off(
    shared: &Shared,
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    patience: Patience,
) {
    let say_all = async {
        let finish = shared.finish(&mut writer);
        match patience.write {
            // The writer itself sees to it.
            Some(_) => finish.await.is_ok(),
            None => matches!(timeout(patience.close, finish).await, Ok(Ok(()))),
        }
    };
    let hear_out = async {
        while let Ok(arrived) = poll_fn(|cx| poll_read(&mut reader, cx)).await {
            if arrived.is_empty() {
                return;
            }
        }
    };
    let (mut say_all, mut hear_out) = (pin!(say_all), pin!(hear_out));
    tokio::select! {
        said = &mut say_all => {
            if said {
                // Whoever takes longer has had its time.
                let _ = timeout(patience.close, hear_out).await;
            }
        }
        () = &mut hear_out => {
            say_all.await;
        }
    }
}
