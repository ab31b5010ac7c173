use super::*;

/// A report as kosoku writes it, of these cases: name, verdict, verdict on closing.
fn report(cases: &[(&str, &str, &str)]) -> Report {
    let cases = cases.iter().map(|(name, behavior, close)| {
        format!(
            r#""{name}": {{"behavior": "{behavior}", "behaviorClose": "{close}", "duration": 1,
                "remoteCloseCode": null, "reportfile": "case.json"}}"#
        )
    });
    let cases = cases.collect::<Vec<_>>().join(",");
    Report::read(&format!(r#"{{"127.0.0.1:4080": {{{cases}}}}}"#)).unwrap()
}

/// Everything else has passed, so that only what is said here can be a fault.
fn faults(cases: &[(&str, &str, &str)]) -> Vec<String> {
    let passed = Selection::quick().sections.into_iter().flat_map(|section| {
        let names = (1..=section.cases).map(move |case| format!("{}.{case}", section.number));
        names.filter(|name| !cases.iter().any(|(other, ..)| other == name))
    });
    let passed: Vec<String> = passed.collect();
    let passed = passed.iter().map(|name| (name.as_str(), "OK", "OK"));
    let all: Vec<_> = passed.chain(cases.iter().copied()).collect();
    report(&all).faults(&Selection::quick())
}

#[test]
fn ok_and_informational_pass() {
    assert_eq!(faults(&[]), [""; 0]);
    assert_eq!(
        faults(&[("7.1", "INFORMATIONAL", "INFORMATIONAL")]),
        [""; 0]
    );
}

#[test]
fn any_other_verdict_on_a_case_or_on_its_closing_is_a_fault() {
    for verdict in [
        "NON-STRICT",
        "FAILED",
        "UNIMPLEMENTED",
        "UNCLEAN",
        "WRONG CODE",
        "ERROR",
        "",
    ] {
        assert_eq!(
            faults(&[("6.4", verdict, "OK")]),
            [format!("6.4: {verdict}, and its closing OK")]
        );
        assert_eq!(
            faults(&[("6.4", "OK", verdict)]),
            [format!("6.4: OK, and its closing {verdict}")]
        );
    }
}

#[test]
fn a_case_too_few_or_too_many_is_a_fault() {
    assert_eq!(
        faults(&[("10.2", "OK", "OK")]),
        ["section 10: 2 cases, not 1"]
    );
    assert_eq!(
        faults(&[("11.1", "OK", "OK")]),
        ["section 11: 1 cases, not 0"]
    );
    let nothing = report(&[]).faults(&Selection::quick());
    assert_eq!(nothing.first().unwrap(), "section 1: 0 cases, not 16");
    assert_eq!(nothing.len(), 11);
}

#[test]
fn the_table_counts_by_section_in_order_of_their_numbers() {
    let report = report(&[
        ("10.1.1", "OK", "OK"),
        ("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
        ("7.1.7", "OK", "INFORMATIONAL"),
        ("7.1.8", "OK", "FAILED"),
    ]);
    let expected = "
section  cases     OK  informational  not passed
7            3      0              2           1
10           1      1              0           0
all          4      1              2           1
";
    assert_eq!(report.table(), expected);
}

#[test]
fn what_is_no_report_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"a": {}, "b": {}}"#,
        r#"{"a": {"1.1": {}}}"#,
    ] {
        assert!(Report::read(text).is_err(), "{text}");
    }
    let nameless = r#"{"a": {"x": {"behavior": "OK", "behaviorClose": "OK"}}}"#;
    assert_eq!(
        Report::read(nameless).unwrap_err().to_string(),
        "`x` names no case"
    );
}
