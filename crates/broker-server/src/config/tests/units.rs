//! Sizes, times and counts.

use std::fmt::Write as _;

use expect_test::expect;

use super::super::{ByteSize, TimeSpan};
use super::{check, read};

#[test]
fn sizes_carry_their_unit() {
    check::<ByteSize>(
        &[
            "1MiB",
            "16KiB",
            "64 mib",
            "2KB",
            "3MB",
            "7B",
            "1GiB",
            "0",
            "1536KiB",
            "5",
            "5 apples",
            "1.5MiB",
            "",
            "MiB",
            "-1B",
            "1025GiB",
            "99999999999999999999B",
        ],
        expect![[r#"
            1MiB -> 1MiB
            16KiB -> 16KiB
            64 mib -> 64MiB
            2KB -> 2KB
            3MB -> 3MB
            7B -> 7B
            1GiB -> 1GiB
            0 -> 0
            1536KiB -> 1536KiB
            5 -> error: `5` has no unit: expected a size with its unit, such as "64KiB" or "1MiB"
            5 apples -> error: unknown unit `apples`; the units are B, KB, KiB, MB, MiB, GB, GiB
            1.5MiB -> error: `1.5MiB` is not a size with its unit, such as "64KiB" or "1MiB"
             -> error: `` is not a size with its unit, such as "64KiB" or "1MiB"
            MiB -> error: `MiB` is not a size with its unit, such as "64KiB" or "1MiB"
            -1B -> error: `-1B` is not a size with its unit, such as "64KiB" or "1MiB"
            1025GiB -> error: `1025GiB` is too large: at most 1024GiB
            99999999999999999999B -> error: `99999999999999999999B` is too large: at most 1024GiB
        "#]],
    );
}

#[test]
fn times_carry_their_unit() {
    check::<TimeSpan>(
        &[
            "25s", "100ms", "1h", "5m", "90s", "2d", "0", "0s", "10", "1.5s", "s", "366d", "10 sec",
        ],
        expect![[r#"
            25s -> 25s
            100ms -> 100ms
            1h -> 1h
            5m -> 5m
            90s -> 90s
            2d -> 2d
            0 -> 0
            0s -> 0
            10 -> error: `10` has no unit: expected a time with its unit, such as "100ms", "25s" or "5m"
            1.5s -> error: `1.5s` is not a time with its unit, such as "100ms", "25s" or "5m"
            s -> error: `s` is not a time with its unit, such as "100ms", "25s" or "5m"
            366d -> error: `366d` is too large: at most 365d
            10 sec -> error: unknown unit `sec`; the units are ms, s, m, h, d
        "#]],
    );
}

#[test]
fn only_the_plain_number_0_needs_no_unit() {
    let mut lines = String::new();
    for text in [
        "websocket.ping_interval = 0",
        "websocket.ping_interval = \"0s\"",
        "websocket.ping_interval = 5",
        "websocket.ping_interval = true",
        "limits.max_message = 1048576",
    ] {
        match read(text) {
            Ok(config) => writeln!(lines, "{text} -> {:?}", config.websocket.ping_interval),
            Err(error) => writeln!(lines, "{text} -> error: {error}"),
        }
        .expect("a String takes every line");
    }
    expect![[r#"
        websocket.ping_interval = 0 -> None
        websocket.ping_interval = "0s" -> None
        websocket.ping_interval = 5 -> error: invalid type: integer `5`, expected a time with its unit, such as "100ms", "25s" or "5m"
        websocket.ping_interval = true -> error: invalid type: boolean `true`, expected a time with its unit, such as "100ms", "25s" or "5m"
        limits.max_message = 1048576 -> error: invalid type: integer `1048576`, expected a size with its unit, such as "64KiB" or "1MiB"
    "#]].assert_eq(&lines);
}

#[test]
fn counts_are_whole_numbers_in_their_range() {
    let mut lines = String::new();
    for text in [
        "backend.max_in_flight = 0",
        "backend.max_in_flight = 4294967295",
        "backend.max_in_flight = 4294967296",
        "backend.max_in_flight = -1",
        "backend.max_in_flight = 1.5",
        "backend.max_in_flight = \"1\"",
        "limits.max_commands = 1",
        "limits.max_commands = 0",
    ] {
        match read(text) {
            Ok(config) => writeln!(lines, "{text} -> {:?}", config.backend.max_in_flight),
            Err(error) => writeln!(lines, "{text} -> error: {error}"),
        }
        .expect("a String takes every line");
    }
    expect![[r#"
        backend.max_in_flight = 0 -> None
        backend.max_in_flight = 4294967295 -> Some(4294967295)
        backend.max_in_flight = 4294967296 -> error: invalid value: integer `4294967296`, expected a whole number from 0 to 4294967295
        backend.max_in_flight = -1 -> error: invalid value: integer `-1`, expected a whole number from 0 to 4294967295
        backend.max_in_flight = 1.5 -> error: invalid type: floating point `1.5`, expected a whole number from 0 to 4294967295
        backend.max_in_flight = "1" -> error: invalid type: string "1", expected a whole number from 0 to 4294967295
        limits.max_commands = 1 -> Some(256)
        limits.max_commands = 0 -> error: invalid value: integer `0`, expected a whole number from 1 to 4294967295
    "#]].assert_eq(&lines);
}
