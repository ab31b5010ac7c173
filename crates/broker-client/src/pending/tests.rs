use super::*;

fn pending(limit: usize) -> Arc<Pending> {
    Arc::new(Pending::new(limit).unwrap())
}

fn answer() -> serde_json::Result<Answer> {
    Ok(Answer {
        message: 1.into(),
        from: None,
    })
}

#[test]
fn a_request_that_is_dropped_is_forgotten() {
    let pending = pending(1);
    let waiting = pending.ask().unwrap();
    assert!(matches!(
        pending.ask(),
        Err(RequestError::TooMany { limit: 1 })
    ));
    drop(waiting);
    assert!(pending.state().waiting.is_empty());
    pending.ask().unwrap();
}

#[test]
fn only_an_answer_to_a_request_of_this_client_may_come_too_late() {
    let pending = pending(1);
    let ack = pending.ask().unwrap().ack().to_owned();
    assert_eq!(pending.answer(&ack, answer()), Ok(()));
    assert_eq!(pending.answer("x", answer()), Err(NeverAsked));
    let other = self::pending(1);
    assert_eq!(other.answer(&ack, answer()), Err(NeverAsked));
}

#[test]
fn the_first_end_counts_and_nothing_waits_after_it() {
    let pending = pending(2);
    let waiting = pending.ask().unwrap();
    pending.close(Closed::lost("first"));
    pending.close(Closed::lost("second"));
    assert!(pending.state().waiting.is_empty());
    assert_eq!(pending.closed(), Some(Closed::lost("first")));
    let RequestError::Closed(closed) = pending.ask().unwrap_err() else {
        panic!("it is closed");
    };
    assert_eq!(closed.reason, "first");
    drop(waiting);
}

#[test]
fn a_limit_of_nothing_admits_one_request() {
    pending(0).ask().unwrap();
}
