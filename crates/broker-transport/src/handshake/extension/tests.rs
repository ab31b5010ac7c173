//! What is offered, and what is agreed on.

use super::*;

/// The answer to the lines of a client's header.
fn answer(lines: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
        headers.append(header::SEC_WEBSOCKET_EXTENSIONS, value);
    }
    let agreed = compression(&headers)?;
    let answer = agreed.to_value().to_str().unwrap().to_owned();
    let bits = match answer.split_once("server_max_window_bits=") {
        Some((_, bits)) => bits.parse().unwrap(),
        None => 15,
    };
    assert_eq!(agreed.window.bits(), bits, "{answer}");
    Some(answer)
}

#[track_caller]
fn agreed(line: &str, rest: &str) {
    let expected =
        format!("permessage-deflate; server_no_context_takeover; client_no_context_takeover{rest}");
    assert_eq!(answer(&[line]), Some(expected), "{line}");
}

#[track_caller]
fn declined(line: &str) {
    assert_eq!(answer(&[line]), None, "{line}");
}

#[test]
fn nothing_is_agreed_on_that_is_not_offered() {
    assert_eq!(answer(&[]), None);
    declined("");
    declined(" , ,");
    declined("x-webkit-deflate-frame, permessage-bzip2; level=\"9\"");
    declined("Permessage-Deflate-Frame");
}

#[test]
fn what_browsers_and_libraries_offer_is_agreed_on() {
    agreed("permessage-deflate", "");
    agreed("permessage-deflate; client_max_window_bits", "");
    agreed(
        "permessage-deflate;server_no_context_takeover;client_no_context_takeover",
        "",
    );
    agreed(
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        "; server_max_window_bits=12",
    );
}

#[test]
fn the_window_that_is_asked_for_is_named_in_the_answer() {
    for bits in 9..=15 {
        agreed(
            &format!("permessage-deflate; server_max_window_bits={bits}"),
            &format!("; server_max_window_bits={bits}"),
        );
    }
    // The library makes no streams with 8 bits.
    declined("permessage-deflate; server_max_window_bits=8");
}

#[test]
fn the_clients_window_is_its_own_matter() {
    for bits in 8..=15 {
        agreed(
            &format!("permessage-deflate; client_max_window_bits={bits}"),
            "",
        );
    }
}

#[test]
fn a_value_out_of_range_declines_the_offer() {
    for value in [
        "0", "7", "16", "00", "09", "010", "150", "-9", "+9", "9.0", "0x9", "ten",
    ] {
        declined(&format!(
            "permessage-deflate; server_max_window_bits={value}"
        ));
        declined(&format!(
            "permessage-deflate; client_max_window_bits={value}"
        ));
        declined(&format!(
            "permessage-deflate; client_max_window_bits=\"{value}\""
        ));
    }
    declined("permessage-deflate; server_max_window_bits");
    declined("permessage-deflate; server_no_context_takeover=1");
    declined("permessage-deflate; client_no_context_takeover=true");
}

#[test]
fn a_parameter_that_is_unknown_or_repeated_declines_the_offer() {
    declined("permessage-deflate; level");
    declined("permessage-deflate; Client_Max_Window_Bits");
    for parameter in [
        "server_no_context_takeover",
        "client_no_context_takeover",
        "client_max_window_bits",
        "client_max_window_bits=10",
        "server_max_window_bits=10",
    ] {
        declined(&format!("permessage-deflate; {parameter}; {parameter}"));
    }
    declined("permessage-deflate; client_max_window_bits; client_max_window_bits=10");
}

#[test]
fn the_first_good_offer_is_taken() {
    agreed(
        "foo, permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10, permessage-deflate",
        "; server_max_window_bits=10",
    );
    let lines = [
        "permessage-deflate; unknown",
        "",
        "permessage-deflate; server_max_window_bits=\"11\"",
    ];
    assert!(
        answer(&lines)
            .unwrap()
            .ends_with("; server_max_window_bits=11")
    );
}

#[test]
fn blanks_and_quotes_make_no_difference() {
    agreed(
        " ,\tpermessage-deflate ;  server_max_window_bits = \"1\\0\" ;client_max_window_bits=\"\\9\" , ",
        "; server_max_window_bits=10",
    );
}

#[test]
fn a_header_that_is_no_list_of_extensions_offers_nothing() {
    for garbage in [
        ";",
        "=",
        "permessage-deflate;",
        "permessage-deflate; ;",
        "permessage-deflate; =10",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; server_max_window_bits=\"10\\",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"1 0\"",
        "permessage-deflate; server_max_window_bits=10 9",
        "permessage-deflate server_max_window_bits=10",
        "permessage-deflate, \"",
        "permessage-deflate, (comment)",
        "permessage-deflate, foo; bar=baz=qux",
        "permessage-deflaté",
    ] {
        declined(garbage);
    }
}

#[test]
fn a_header_full_of_anything_is_read_once() {
    // Were each blank or offer looked at again for every other one, this would take hours.
    let len = 4 << 20;
    declined(&" ".repeat(len));
    declined(&";".repeat(len));
    declined(&",".repeat(len));
    declined(&"permessage-deflate;x,".repeat(len / 21));
    declined(&format!(
        "permessage-deflate; x=\"{}",
        "\\a".repeat(len / 2)
    ));
    agreed(&"permessage-deflate,".repeat(len / 19), "");
}
