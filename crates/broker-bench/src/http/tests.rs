use super::*;

/// Reads `bytes` cut at every place, then whole; gives status, body, what is
/// left behind it, and whether the connection ends.
fn check_response(bytes: &str, whole: usize) -> (u16, String, bool) {
    for cut in 0..whole {
        let part = response(&bytes.as_bytes()[..cut]).expect("a part is no error");
        assert!(part.is_none(), "cut at {cut}");
    }
    let message = response(bytes.as_bytes()).expect("it is right");
    let message = message.expect("it is whole");
    assert_eq!(message.len, whole);
    let body = String::from_utf8_lossy(&message.body).into_owned();
    (message.status, body, message.close)
}

#[test]
fn a_response_with_a_length_ends_there() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n[null]HTTP/1.1";
    let found = check_response(text, text.len() - 8);
    assert_eq!(found, (200, "[null]".to_owned(), false));
}

#[test]
fn a_chunked_response_ends_with_the_empty_chunk() {
    let text = "HTTP/1.1 403 No\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\n[nu\r\n3\r\nll]\r\n0\r\n\r\n";
    let found = check_response(text, text.len());
    assert_eq!(found, (403, "[null]".to_owned(), true));
}

#[test]
fn a_request_is_read_to_the_end_of_its_body() {
    let text = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nabPOST";
    let message = request(text).expect("it is right").expect("it is whole");
    assert_eq!((&*message.body, message.len), (&b"ab"[..], text.len() - 4));
}

#[test]
fn what_is_no_http_is_an_error() {
    assert!(response(b"\x81\x05Hello").is_err());
    assert!(request(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n").is_err());
}
