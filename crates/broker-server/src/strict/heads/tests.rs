use super::*;

/// What becomes of a stream that arrives in pieces of this length.
fn seen(stream: &str, piece: usize) -> String {
    let mut heads = Heads::default();
    let mut bytes = stream.as_bytes().to_vec();
    bytes
        .chunks_mut(piece)
        .for_each(|piece| heads.look_at(piece));
    String::from_utf8(bytes).unwrap()
}

/// Checks that exactly the colons that are shown as `#` are made illegible, however the stream is cut.
#[track_caller]
fn check(marked: &str) {
    let stream = marked.replace('#', ":");
    for piece in 1..=stream.len() {
        assert_eq!(
            seen(&stream, piece),
            marked.replace('#', "\0"),
            "cut at {piece}"
        );
    }
}

#[test]
fn one_way_to_find_the_end_is_left_alone() {
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
}

#[test]
fn the_second_of_two_ways_is_made_illegible() {
    check("POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding# chunked\r\n\r\n");
    check("POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nX: y\r\nCONTENT-LENGTH#2\r\n\r\n");
    // With line breaks as hyper takes them, too, and blank lines before.
    check("\r\n\nPOST / HTTP/1.1\nContent-Length: 2\nTransfer-Encoding# chunked\n\n");
}

#[test]
fn what_only_looks_like_one_is_left_alone() {
    check(
        "GET /Transfer-Encoding: HTTP/1.1\r\nX-Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    check(
        "GET / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encodings: a\r\nX: Transfer-Encoding: b\r\n\r\n",
    );
}

#[test]
fn bodies_are_not_heads_and_what_follows_them_is() {
    let body = "Transfer-Encoding: a\r\n\r\n";
    let length = body.len();
    check(&format!(
        "POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}\
         POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding# chunked\r\n\r\n"
    ));
    check(
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n22\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
    );
}
