use std::sync::mpsc;

use broker_testkit::PATIENCE;
use broker_testkit::client::masked;

use super::super::event::Event;
use super::*;

/// What a WebSocket hears first of these bytes while somebody else's message is inflated.
fn heard_beside_inflating(window: Option<Window>, mut bytes: Vec<u8>) -> Event {
    let codec = Arc::new(Codec::new(0));
    let settings = Arc::new(ws::Settings::default());
    let shared = Shared::new(settings, &Limits::default(), window, codec.clone());
    let _inflating = lock(&codec.inflater);
    let (sender, heard) = mpsc::channel();
    std::thread::spawn(move || sender.send(shared.receive(&mut &mut bytes[..])));
    match heard.recv_timeout(PATIENCE) {
        Ok(Some(Heard::Event(event))) => event,
        other => panic!("an event was to come, not {other:?}"),
    }
}

#[test]
fn what_is_not_compressed_does_not_wait_for_what_is() {
    for window in [None, Some(Window::MAX)] {
        let text = heard_beside_inflating(window, masked(0x1, b"plain"));
        assert!(matches!(text, Event::Text(text) if text == "plain"));
        let ping = heard_beside_inflating(window, masked(0x9, b"there?"));
        assert!(matches!(ping, Event::Ping(payload) if payload == "there?"));
    }
}
