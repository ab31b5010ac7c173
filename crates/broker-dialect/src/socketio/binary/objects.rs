//! One pass over JSON text that stops at every object.

use broker_core::json;

/// How deep values may be nested, as everywhere in the broker.
pub(super) const DEPTH_MAX: usize = 128;

/// The text is nested deeper than [`DEPTH_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// An object whose end was reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    /// Where its copy begins in the output.
    pub(super) start: usize,
    /// How many members it has.
    pub(super) members: usize,
    /// The text of the last member of each of the two names; none if there is none, and for objects and lists.
    pub(super) values: [Option<&'a str>; 2],
}

/// Copies `text` to `out`, and calls `at_end` with each object as its copy ends there, the innermost first; `at_end` may
/// cut the copy off and write something else.
///
/// It is a pass of its own, and not a reading into values, so that numbers keep their digits and that the work is linear
/// whatever the nesting. `text` is JSON, or the elements of a list; of other text the output is of no use.
pub(super) fn for_each_object<'a, E: From<TooDeep>>(
    text: &'a str,
    names: [&str; 2],
    out: &mut String,
    mut at_end: impl FnMut(Object<'a>, &mut String) -> Result<(), E>,
) -> Result<(), E> {
    let mut open: Vec<Frame<'a>> = Vec::new();
    let mut copied = 0;
    let mut place = 0;
    while let Some(byte) = text.as_bytes().get(place) {
        let begin = place;
        place += 1;
        match byte {
            b'{' | b'[' => {
                if open.len() == DEPTH_MAX {
                    return Err(TooDeep.into());
                }
                out.push_str(slice(text, copied, begin));
                copied = begin;
                open.push(Frame::begin(*byte == b'{', out.len()));
            }
            b'}' | b']' => {
                out.push_str(slice(text, copied, place));
                copied = place;
                if let Some(frame) = open.pop()
                    && frame.is_object
                {
                    at_end(frame.object, out)?;
                }
                if let Some(outer) = open.last_mut() {
                    outer.value(None);
                }
            }
            b'"' => {
                place = end_of_string(text.as_bytes(), place);
                if let Some(frame) = open.last_mut() {
                    frame.string(slice(text, begin, place), names);
                }
            }
            b',' => {
                if let Some(frame) = open.last_mut() {
                    frame.expects_name = frame.is_object;
                }
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                place = end_of_literal(text.as_bytes(), place);
                if let Some(frame) = open.last_mut() {
                    frame.value(Some(slice(text, begin, place)));
                }
            }
            _ => {}
        }
    }
    out.push_str(slice(text, copied, text.len()));
    Ok(())
}

/// A list or an object that has begun and not ended.
struct Frame<'a> {
    is_object: bool,
    expects_name: bool,
    /// Which of the two names the member has whose value comes next.
    current: Option<usize>,
    object: Object<'a>,
}

impl<'a> Frame<'a> {
    fn begin(is_object: bool, start: usize) -> Frame<'a> {
        Frame {
            is_object,
            expects_name: is_object,
            current: None,
            object: Object {
                start,
                members: 0,
                values: [None, None],
            },
        }
    }

    fn string(&mut self, text: &'a str, names: [&str; 2]) {
        if !std::mem::replace(&mut self.expects_name, false) {
            self.value(Some(text));
            return;
        }
        self.object.members += 1;
        let name = json::string(text);
        self.current = name.and_then(|name| names.iter().position(|known| *known == name));
    }

    fn value(&mut self, text: Option<&'a str>) {
        if let Some(which) = self.current.take() {
            self.object.values[which] = text;
        }
    }
}

/// All places are those of ASCII characters, so that this never comes upon the middle of one.
fn slice(text: &str, begin: usize, end: usize) -> &str {
    text.get(begin..end).unwrap_or_default()
}

/// Behind the quote that ends the string which began before `place`.
fn end_of_string(text: &[u8], mut place: usize) -> usize {
    while let Some(byte) = text.get(place) {
        match byte {
            b'"' => return place + 1,
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
    text.len()
}

fn end_of_literal(text: &[u8], place: usize) -> usize {
    let rest = text.get(place..).unwrap_or_default();
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    place + length.count()
}
