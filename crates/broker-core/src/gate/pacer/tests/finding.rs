//! Claims about where the limit comes to rest, and how it gets there.

use expect_test::expect;

use super::scene::{Scene, anything, workers};

#[test]
fn it_finds_the_knee_of_ten_workers_and_tries_others_ever_less_often() {
    let scene = Scene::new().saturated(60_000, workers(10, 20.0));
    scene.is(&expect![[r#"
        1 ms: 32
        64 ms: 64
        256 ms: 32
        512 ms: 16
        704 ms: 8
        904 ms: 12
        1048 ms: 24
        1200 ms: 12
        1376 ms: 6
        1576 ms: 12
        1716 ms: 24
        1868 ms: 12
        2428 ms: 10
        2964 ms: 5
        3164 ms: 10
        3302 ms: 20
        3450 ms: 10
        4002 ms: 8
        4667 ms: 10
        5195 ms: 13
        5727 ms: 10
        6777 ms: 8
        7442 ms: 10
        8482 ms: 13
        9014 ms: 10
        11088 ms: 8
        11753 ms: 10
        13817 ms: 13
        14349 ms: 10
        18471 ms: 8
        19136 ms: 10
        23248 ms: 13
        23780 ms: 10
        31998 ms: 8
        32663 ms: 10
        40871 ms: 13
        41403 ms: 10
        49621 ms: 8
        50286 ms: 10
        58494 ms: 13
        59026 ms: 10
    "#]]);
}

#[test]
fn it_climbs_to_the_maximum_within_five_answer_times_of_a_backend_that_takes_everything() {
    let scene = Scene::new().saturated(15_000, anything(3000.0));
    scene.is(&expect![[r#"
        1 ms: 32
        3000 ms: 64
        7500 ms: 128
        10501 ms: 256
    "#]]);
}

#[test]
fn it_finds_the_knee_of_two_hundred_workers() {
    let scene = Scene::new().saturated(10_000, workers(200, 20.0));
    scene.is(&expect![[r#"
        1 ms: 32
        51 ms: 64
        111 ms: 128
        171 ms: 256
        440 ms: 205
        630 ms: 103
        720 ms: 205
        781 ms: 256
        854 ms: 205
        1044 ms: 164
        1229 ms: 205
        1410 ms: 256
        1636 ms: 205
        1990 ms: 164
        2175 ms: 205
        2520 ms: 256
        2746 ms: 205
        3428 ms: 164
        3613 ms: 205
        4286 ms: 256
        4512 ms: 205
        5850 ms: 164
        6035 ms: 205
        7364 ms: 256
        7590 ms: 205
    "#]]);
}

#[test]
fn doubling_has_to_bring_three_tenths_more_to_be_done_again() {
    let limits = |count| {
        let scene = Scene::new().saturated(300, workers(count, 20.0));
        scene.limits_since(0)[..3].to_vec()
    };
    assert_eq!(limits(41), [32, 64, 41]);
    assert_eq!(limits(43), [32, 64, 128]);
}

#[test]
fn answers_that_come_in_bunches_are_counted_by_whole_ones() {
    let mut scene = Scene::new();
    for _ in 0..150 {
        scene = scene.silent(20);
        let answers = scene.pacer.limit().min(200);
        for part in [
            answers / 4,
            answers / 4,
            answers / 4,
            answers - answers / 4 * 3,
        ] {
            scene.answered(part);
        }
    }
    scene.is(&expect![[r#"
        20 ms: 32
        80 ms: 64
        160 ms: 128
        240 ms: 256
        560 ms: 205
        780 ms: 103
        880 ms: 205
        960 ms: 256
        1060 ms: 205
        1280 ms: 164
        1480 ms: 205
        1680 ms: 256
        1940 ms: 205
        2320 ms: 164
        2520 ms: 205
        2880 ms: 256
    "#]]);
}

#[test]
fn it_comes_down_to_where_a_backend_does_not_thrash() {
    let thrashing = |limit: usize| {
        let over = (limit as f64 / 16.0).max(1.0);
        limit as f64 / (20.0 * over * over)
    };
    let scene = Scene::new().saturated(20_000, thrashing);
    scene.is(&expect![[r#"
        1 ms: 32
        80 ms: 64
        560 ms: 32
        880 ms: 16
        1000 ms: 8
        1200 ms: 16
        1290 ms: 32
        1490 ms: 16
        1610 ms: 8
        1810 ms: 16
        1900 ms: 32
        2100 ms: 16
        2460 ms: 13
        2879 ms: 16
        3215 ms: 20
        3640 ms: 16
        4305 ms: 13
        4724 ms: 16
        5380 ms: 20
        5805 ms: 16
        7110 ms: 13
        7528 ms: 16
        8825 ms: 20
        9250 ms: 16
        11835 ms: 13
        12253 ms: 16
        14829 ms: 20
        15254 ms: 16
    "#]]);
}

#[test]
fn it_lets_one_more_out_than_a_backend_works_on_at_once() {
    let scene = Scene::new().saturated(60_000, workers(1, 20.0));
    scene.is(&expect![[r#"
        1 ms: 32
        640 ms: 64
        2560 ms: 32
        5120 ms: 16
        7040 ms: 8
        8640 ms: 4
        9440 ms: 2
        9840 ms: 1
        10040 ms: 2
        10380 ms: 4
        11060 ms: 2
        11460 ms: 1
        11660 ms: 2
        12000 ms: 4
        12680 ms: 2
        14040 ms: 1
        14720 ms: 2
        16020 ms: 3
        17980 ms: 2
        20600 ms: 1
        21280 ms: 2
        23860 ms: 3
        25820 ms: 2
        31000 ms: 1
        31680 ms: 2
        36820 ms: 3
        38780 ms: 2
        49080 ms: 1
        49760 ms: 2
    "#]]);
}

#[test]
fn it_comes_up_from_one_when_more_help_again() {
    let mut scene = Scene::new();
    for _ in 0..8 {
        scene = scene.refused(100).calm(1000, 1.0);
    }
    assert_eq!(scene.pacer.limit(), 1);
    scene.limits.clear();
    scene.saturated(30_000, anything(100.0)).is(&expect![[r#"
        8001 ms: 1
        8800 ms: 2
        9650 ms: 4
        10500 ms: 8
        11350 ms: 16
        11800 ms: 32
        12050 ms: 64
        12200 ms: 128
        12300 ms: 256
        13201 ms: 205
        14126 ms: 256
        16607 ms: 205
        17532 ms: 256
        22413 ms: 205
        23338 ms: 256
        33020 ms: 205
        33945 ms: 256
    "#]]);
}

#[test]
fn a_backend_that_gets_slower_and_recovers_is_asked_as_much_as_before() {
    let scene = Scene::new()
        .saturated(20_000, workers(10, 20.0))
        .saturated(20_000, workers(10, 80.0))
        .saturated(20_000, workers(10, 20.0));
    let limits = scene.limits_since(15_000);
    assert!(
        limits.iter().all(|limit| (7..=15).contains(limit)),
        "{limits:?}"
    );
}

#[test]
fn a_backend_that_gets_more_workers_is_asked_for_more() {
    let scene = Scene::new()
        .saturated(60_000, workers(10, 20.0))
        .saturated(60_000, workers(100, 20.0));
    let limits = scene.limits_since(110_000);
    assert!(
        limits.iter().all(|limit| (80..=130).contains(limit)),
        "{limits:?}"
    );
}

#[test]
fn nothing_is_concluded_while_all_go_out() {
    let scene = Scene::new().calm(60_000, 10.0);
    assert_eq!(scene.limits_since(0), [32]);
}

#[test]
fn bursts_are_enough_to_find_the_knee() {
    let mut scene = Scene::new();
    for _ in 0..60 {
        scene = scene.saturated(100, workers(10, 20.0)).calm(900, 0.0);
    }
    scene.is(&expect![[r#"
        1 ms: 32
        64 ms: 64
        2092 ms: 32
        5064 ms: 16
        7064 ms: 8
        9069 ms: 13
        11025 ms: 26
        12091 ms: 13
        14077 ms: 7
        16078 ms: 12
        18032 ms: 24
        19096 ms: 12
        25086 ms: 10
        31042 ms: 5
        33049 ms: 10
        34091 ms: 20
        36049 ms: 10
        42025 ms: 8
        49025 ms: 10
        54073 ms: 13
    "#]]);
}
