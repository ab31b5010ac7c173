//! Heads of requests.

use broker_transport::handshake;
use http::{HeaderValue, Request, Version, header};
use tungstenite::handshake::server::create_response;

/// The input is a head as it comes over a socket.
pub(crate) fn feed(input: &[u8]) {
    let Some(mut request) = read(input) else {
        return;
    };
    let first_offered = handshake::check(&request, &[]);
    let ours = ["chat".to_owned(), "superchat".to_owned()];
    match handshake::check(&request, &ours) {
        Ok(Some(accept)) => {
            let first_offered = first_offered.expect("other subprotocols do not make it wrong");
            assert_eq!(
                first_offered.map(|accept| accept.key),
                Some(accept.key.clone())
            );
            let agreed = accept.subprotocol.as_ref();
            assert!(agreed.is_none_or(|agreed| ours.iter().any(|our| our == agreed)));
            assert_eq!(accept.clone().into_response().status(), 101);
            if has_spare_bits(&request) {
                return;
            }
            // It is judged by tungstenite as well, which answers with the same proof. It looks at one line of each of
            // these and takes no lists there.
            let headers = request.headers_mut();
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            let theirs = create_response(&request).expect("tungstenite accepts it too");
            assert_eq!(theirs.headers()[header::SEC_WEBSOCKET_ACCEPT], accept.key);
        }
        Ok(None) => assert!(matches!(first_offered, Ok(None))),
        Err(refusal) => {
            assert!(refusal.status().is_client_error());
            assert!(!refusal.to_string().is_empty());
        }
    }
}

/// Whether the last character of the key says more than its two bits of the sixteenth byte. We let that pass and tungstenite
/// does not: clients that draw characters instead of bytes send such keys.
fn has_spare_bits(request: &Request<()>) -> bool {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let last = key.and_then(|key| key.as_bytes().get(21));
    last.is_some_and(|last| !b"AQgw".contains(last))
}

fn read(input: &[u8]) -> Option<Request<()>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    if !head.parse(input).ok()?.is_complete() {
        return None;
    }
    let mut request = Request::builder()
        .method(head.method?)
        .uri(head.path?)
        .version(match head.version? {
            0 => Version::HTTP_10,
            _ => Version::HTTP_11,
        });
    for header in head.headers.iter() {
        request = request.header(header.name, header.value);
    }
    request.body(()).ok()
}
