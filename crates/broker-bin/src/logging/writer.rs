//! The way from the broker's threads to the file descriptor of the log.
//!
//! A write to a full pipe waits for its reader, and a shard must never wait.
//! So lines are queued, a thread writes them, and a full queue loses lines.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

/// The most lines that wait to be written.
const QUEUE_LINES_MAX: usize = 4096;

/// How long the end of the process waits for the rest of the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How long it sleeps before it asks again whether there is room.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// Writes lines on a thread of its own.
#[derive(Debug)]
pub(crate) struct LogWriter {
    queue: Queue,
}

/// Where lines are put. Clones share the same queue.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Line(String),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

impl LogWriter {
    /// Starts the thread. `lost_line` makes the line that tells how many
    /// others were lost.
    ///
    /// # Errors
    /// The thread could not be started.
    pub(crate) fn start(
        output: impl Write + Send + 'static,
        lost_line: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(QUEUE_LINES_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let queue = Queue {
            sender,
            lost: Arc::clone(&lost),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(&receiver, output, &lost, lost_line))?;
        Ok(Self { queue })
    }

    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Waits until everything queued so far is written, but not for ever: the
    /// reader of the log may have stopped reading.
    pub(crate) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        let (done, is_done) = mpsc::sync_channel(1);
        let mut message = Message::Flush(done);
        loop {
            match self.queue.sender.try_send(message) {
                Ok(()) => break,
                Err(TrySendError::Full(unsent)) if Instant::now() < deadline => message = unsent,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return,
            }
            thread::sleep(FULL_QUEUE_PAUSE);
        }
        // Past the deadline the rest of the log is given up.
        let _ = is_done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Queue {
    /// Queues a line, or counts it as lost.
    pub(crate) fn push(&self, line: String) {
        match self.sender.try_send(Message::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// Writes until every queue is gone. A closed pipe or a full disk is nobody's
/// business but the log's: the broker goes on.
fn write_lines(
    receiver: &Receiver<Message>,
    mut output: impl Write,
    lost: &AtomicU64,
    lost_line: impl Fn(u64) -> String,
) {
    for message in receiver {
        match message {
            Message::Line(line) => {
                let _ = output.write_all(line.as_bytes());
            }
            Message::Flush(done) => {
                let _ = output.flush();
                let _ = done.try_send(());
            }
        }
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            let _ = output.write_all(lost_line(count).as_bytes());
        }
    }
}
