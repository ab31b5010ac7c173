//! JSON to send, of any length.

/// An array of objects, such as an application sends: the names repeat, the
/// values less so. It has exactly `len` bytes, the last of them blanks.
pub(crate) fn json(len: usize) -> String {
    let mut json = String::from("[");
    let mut seed = 1_u32;
    loop {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let object = object(seed);
        if json.len() + object.len() + ",]".len() > len {
            break;
        }
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&object);
    }
    let blanks = len.saturating_sub(json.len() + 1);
    json + &" ".repeat(blanks) + "]"
}

fn object(seed: u32) -> String {
    let (id, price, room) = (seed >> 8, seed >> 16, seed >> 27);
    let (whole, part, online) = (id % 1000, price % 100, room % 3 == 0);
    format!(
        r#"{{"id":"u{id:07x}","type":"client-position","room":"room-{room}","x":{price},"y":{whole}.{part},"online":{online}}}"#
    )
}
