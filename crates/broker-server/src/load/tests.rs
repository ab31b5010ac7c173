use super::*;

fn per_address(max: u32) -> Loads {
    Loads::new(1, 100, NonZeroU32::new(max))
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn connections_go_where_there_are_fewest_up_to_the_limit() {
    let loads = Loads::new(2, 3, None);
    let seats: Vec<_> = (0..3).filter_map(|_| loads.take_seat(None).ok()).collect();
    assert_eq!(seats.iter().map(Seat::shard).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(loads.take_seat(None).unwrap_err(), Full::All);
    drop(seats);
    assert!(loads.take_seat(None).is_ok());
}

#[test]
fn an_address_has_its_limit_and_others_have_theirs() {
    let loads = per_address(2);
    let one = loads.take_seat(ip("192.0.2.1")).unwrap();
    let _two = loads.take_seat(ip("::ffff:192.0.2.1")).unwrap();
    assert_eq!(loads.take_seat(ip("192.0.2.1")).unwrap_err(), Full::Address);
    let _other = loads.take_seat(ip("192.0.2.2")).unwrap();
    let _nobody = loads.take_seat(None).unwrap();
    drop(one);
    assert!(loads.take_seat(ip("192.0.2.1")).is_ok());
}

#[test]
fn one_network_of_64_bits_is_one_client() {
    let loads = per_address(1);
    let _one = loads.take_seat(ip("2001:db8:0:1::1")).unwrap();
    assert!(loads.take_seat(ip("2001:db8:0:1:ffff::2")).is_err());
    assert!(loads.take_seat(ip("2001:db8:0:2::1")).is_ok());
}

#[test]
fn a_client_that_becomes_known_later_is_counted_then_and_once() {
    let loads = per_address(1);
    let mut early = loads.take_seat(ip("192.0.2.1")).unwrap();
    assert!(early.place_for(ip("192.0.2.1")).unwrap().is_none());
    early.keep(None);
    assert!(loads.take_seat(ip("192.0.2.1")).is_err());

    let mut late = loads.take_seat(None).unwrap();
    assert_eq!(late.place_for(ip("192.0.2.1")).unwrap_err(), Full::Address);
    let place = late.place_for(ip("192.0.2.2")).unwrap();
    late.keep(place);
    assert!(loads.take_seat(ip("192.0.2.2")).is_err());
    drop(late);
    assert!(loads.take_seat(ip("192.0.2.2")).is_ok());
}

#[test]
fn an_address_without_connections_is_forgotten() {
    let loads = per_address(2);
    let seats: Vec<_> = (0..100u8)
        .map(|n| loads.take_seat(ip(&format!("192.0.2.{}", n / 2))).unwrap())
        .collect();
    assert_eq!(loads.0.addresses.len(), 50);
    drop(seats);
    assert_eq!(loads.0.addresses.len(), 0);
}

#[test]
fn who_finds_no_seat_may_stand_as_long_as_some_poll_and_sits_down_when_there_is_room() {
    let loads = Loads::new(2, 2, None);
    let one = loads.admit_socket(None).unwrap();
    let two = loads.admit_socket(None).unwrap();
    assert_eq!(loads.admit_socket(None).unwrap_err(), Full::All);
    one.begin_polling();
    let standing = [(); SOCKETS_OF_POLLED].map(|()| loads.admit_socket(None).unwrap());
    assert_eq!(loads.admit_socket(None).unwrap_err(), Full::All);
    assert_eq!(standing[0].sit().unwrap_err(), Full::All);
    assert_eq!(standing[0].beside().unwrap_err(), Full::All);

    drop(two);
    standing[0].sit().unwrap();
    standing[0].sit().unwrap();
    assert_eq!(loads.take_seat(None).unwrap_err(), Full::All);
    let _another = loads.admit_socket(None).unwrap();
    one.end_polling();
    drop(standing);
    let _seated = loads.admit_socket(None).unwrap();
    assert_eq!(loads.admit_socket(None).unwrap_err(), Full::All);
}

#[test]
fn every_place_comes_back_whatever_it_was() {
    let loads = Loads::new(1, 1, NonZeroU32::new(1));
    for _ in 0..3 {
        let polled = loads.admit_socket(ip("192.0.2.1")).unwrap();
        polled.begin_polling();
        let standing = loads.admit_socket(ip("192.0.2.1")).unwrap();
        assert_eq!(
            standing.place_for(ip("192.0.2.1")).unwrap_err(),
            Full::Address
        );
        drop((polled, standing));
        let counts = &loads.0;
        let left = [&counts.polled, &counts.standing, &counts.shards[0]];
        assert_eq!(left.map(|count| count.load(Ordering::Relaxed)), [0, 0, 0]);
        assert_eq!(counts.addresses.len(), 0);
    }
}
