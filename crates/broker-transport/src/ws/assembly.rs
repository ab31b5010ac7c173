//! From frames to messages (RFC 6455 §5.4).

use std::borrow::Cow;
use std::mem;

use broker_core::Timestamp;

use super::body::{Body, Payload};
use super::deflate::Arriving;
use super::frame::{Control, Data, Frame, Opcode};
use super::{Settings, Violation};

/// What has arrived of frames and messages that are not complete. Mostly there is none, and this is an empty pointer.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    partial: Option<Box<Partial>>,
}

/// A whole message or control frame.
#[derive(Debug)]
pub(super) enum Arrival<'a> {
    Message(Payload<'a>),
    /// A message that has still to be inflated.
    Deflated(Data, Cow<'a, [u8]>),
    Control(Control, Cow<'a, [u8]>),
}

#[derive(Debug)]
struct Partial {
    /// When the first of it came.
    since: Timestamp,
    /// The bytes of a header that is not complete.
    header: Vec<u8>,
    /// The frame whose payload is arriving.
    frame: Option<Frame>,
    /// What has come of that payload, if it is a control frame's.
    control: Vec<u8>,
    /// The message whose last frame has not ended.
    message: Option<Message>,
}

#[derive(Debug)]
struct Message {
    content: Content,
    /// The number of its frames that have begun, without those that the settings do not count.
    frames: u32,
}

#[derive(Debug)]
enum Content {
    Plain(Body),
    Deflated(Arriving),
}

impl Assembly {
    /// When the first byte came of what is not complete; `None` if there is no such thing.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.partial.as_ref().map(|partial| partial.since)
    }

    /// Counts the time of what is not complete from `now` on.
    pub(super) fn restart_clock(&mut self, now: Timestamp) {
        if let Some(partial) = &mut self.partial {
            partial.since = now;
        }
    }

    /// Takes bytes off `input` until something is whole; if nothing is, it takes all. `deflates` says whether messages
    /// may be compressed.
    pub(super) fn advance<'a>(
        &mut self,
        settings: &Settings,
        deflates: bool,
        now: Timestamp,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Arrival<'a>>, Violation> {
        while !input.is_empty() {
            let frame = self
                .partial
                .as_mut()
                .and_then(|partial| partial.frame.take());
            let arrival = match (frame, &mut self.partial) {
                (Some(frame), Some(partial)) => partial.add_payload(settings, frame, input)?,
                _ => self.begin_frame(settings, deflates, now, input)?,
            };
            if self
                .partial
                .as_ref()
                .is_some_and(|partial| partial.is_empty())
            {
                self.partial = None;
            }
            if arrival.is_some() {
                return Ok(arrival);
            }
        }
        Ok(None)
    }

    fn begin_frame<'a>(
        &mut self,
        settings: &Settings,
        deflates: bool,
        now: Timestamp,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Arrival<'a>>, Violation> {
        let Some(mut frame) = self.read_header(deflates, now, input)? else {
            return Ok(None);
        };
        let message = self
            .partial
            .as_mut()
            .and_then(|partial| partial.message.as_mut());
        admit(&frame, message, settings)?;

        // Nearly all messages are one frame and come in one piece. They are lent from where they lie.
        if frame.is_final && frame.remaining <= input.len() as u64 {
            match frame.opcode {
                Opcode::Start(data) if frame.is_compressed => {
                    return Ok(Some(Arrival::Deflated(
                        data,
                        Cow::Borrowed(frame.take_payload(input)),
                    )));
                }
                Opcode::Start(data) => {
                    let payload = Payload::lent(data, frame.take_payload(input))?;
                    return Ok(Some(Arrival::Message(payload)));
                }
                Opcode::Control(control) => {
                    return Ok(Some(Arrival::Control(
                        control,
                        Cow::Borrowed(frame.take_payload(input)),
                    )));
                }
                Opcode::Continue => {}
            }
        }

        let partial = self.partial_since(now);
        if let Opcode::Start(data) = frame.opcode {
            partial.message = Some(Message::new(data, frame.is_compressed));
        }
        partial.add_payload(settings, frame, input)
    }

    /// Takes a header off `input`, with what has been kept of its beginning; keeps the bytes if it is not complete.
    fn read_header(
        &mut self,
        deflates: bool,
        now: Timestamp,
        input: &mut &mut [u8],
    ) -> Result<Option<Frame>, Violation> {
        let mut kept = self
            .partial
            .as_mut()
            .map_or_else(Vec::new, |partial| mem::take(&mut partial.header));
        let kept_len = kept.len();
        let parsed = if kept_len == 0 {
            Frame::parse(input, deflates)?
        } else {
            kept.extend(input.iter().take(Frame::HEADER_MAX));
            Frame::parse(&kept, deflates)?
        };
        if let Some((frame, header_len)) = parsed {
            *input = &mut mem::take(input)[header_len - kept_len..];
            return Ok(Some(frame));
        }
        // `HEADER_MAX` bytes are always a whole header, so `input` had less than that, and all of it is kept.
        if kept_len == 0 {
            kept.extend_from_slice(input);
        }
        *input = &mut [];
        self.partial_since(now).header = kept;
        Ok(None)
    }

    fn partial_since(&mut self, now: Timestamp) -> &mut Partial {
        self.partial.get_or_insert_with(|| {
            Box::new(Partial {
                since: now,
                header: Vec::new(),
                frame: None,
                control: Vec::new(),
                message: None,
            })
        })
    }
}

/// Checks a frame, by its header alone, against the message that has begun, and counts it there.
fn admit(
    frame: &Frame,
    message: Option<&mut Message>,
    settings: &Settings,
) -> Result<(), Violation> {
    let max = settings.max_message;
    let room = match (frame.opcode, message) {
        (Opcode::Control(_), _) => return Ok(()),
        (Opcode::Start(data), None) => Message::new(data, frame.is_compressed).room(max),
        (Opcode::Start(_), Some(_)) => return Err(Violation::InterleavedMessage),
        (Opcode::Continue, None) => return Err(Violation::LoneContinuation),
        (Opcode::Continue, Some(message)) => {
            if frame.remaining < settings.uncounted_fragment {
                if message.frames >= settings.max_fragments {
                    return Err(Violation::TooManyFragments {
                        max: settings.max_fragments,
                    });
                }
                message.frames += 1;
            }
            message.room(max)
        }
    };
    if frame.remaining > room as u64 {
        return Err(Violation::MessageTooBig { max });
    }
    Ok(())
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.header.is_empty() && self.frame.is_none() && self.message.is_none()
    }

    /// Moves what `input` has of the frame's payload to where it belongs.
    fn add_payload<'a>(
        &mut self,
        settings: &Settings,
        mut frame: Frame,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Arrival<'a>>, Violation> {
        let payload = frame.take_payload(input);
        let has_ended = frame.remaining == 0;
        let is_last = has_ended && frame.is_final;
        let arrival = match (frame.opcode, &mut self.message) {
            (Opcode::Control(control), _) => {
                self.control.extend_from_slice(payload);
                has_ended
                    .then(|| Arrival::Control(control, Cow::Owned(mem::take(&mut self.control))))
            }
            (Opcode::Start(_) | Opcode::Continue, Some(message)) => {
                message.push(payload, settings.max_message)?;
                self.message
                    .take_if(|_| is_last)
                    .map(Message::finish)
                    .transpose()?
            }
            (Opcode::Start(_) | Opcode::Continue, None) => return Err(Violation::LoneContinuation),
        };
        if !has_ended {
            self.frame = Some(frame);
        }
        Ok(arrival)
    }
}

impl Message {
    fn new(data: Data, is_compressed: bool) -> Self {
        let content = if is_compressed {
            Content::Deflated(Arriving::new(data))
        } else {
            Content::Plain(Body::new(data))
        };
        Message { content, frames: 1 }
    }

    /// How many bytes may still come of it, where it has `max` at most.
    fn room(&self, max: usize) -> usize {
        match &self.content {
            Content::Plain(body) => max.saturating_sub(body.len()),
            Content::Deflated(arriving) => arriving.room(max),
        }
    }

    fn push(&mut self, payload: &[u8], max: usize) -> Result<(), Violation> {
        match &mut self.content {
            Content::Plain(body) => body.push(payload),
            Content::Deflated(arriving) => arriving.push(payload, max),
        }
    }

    fn finish(self) -> Result<Arrival<'static>, Violation> {
        match self.content {
            Content::Plain(body) => body.finish().map(Arrival::Message),
            Content::Deflated(arriving) => arriving.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_claimed_reserves_no_memory() {
        let settings = Settings {
            max_message: 64 << 20,
            max_fragments: 2,
            uncounted_fragment: u64::MAX,
            message_timeout: Duration::ZERO,
            close_timeout: Duration::ZERO,
            ping_interval: Duration::ZERO,
            pong_timeout: Duration::ZERO,
        };
        let mut assembly = Assembly::default();
        let mut claim = *b"\x82\xff\0\0\0\0\x01\0\0\0\0\0\0\0a few bytes of 16 MiB";
        assembly
            .advance(&settings, false, Timestamp(0), &mut &mut claim[..])
            .unwrap();
        let message = assembly.partial.unwrap().message.unwrap();
        let Content::Plain(Body::Binary(bytes)) = message.content else {
            panic!("it was plain and binary");
        };
        assert!(
            bytes.len() == 21 && bytes.capacity() < 100,
            "{}",
            bytes.capacity()
        );
    }
}
