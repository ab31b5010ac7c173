use proptest::prelude::*;

use super::*;

fn args(list: &str) -> Args<'_> {
    Args::of_list(list)
}

#[test]
fn the_last_attachment_completes_the_packet() {
    let list = r#"[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    let mut reassembly = Reassembly::begin(&args(list), 2, 1000).unwrap();
    assert_eq!(reassembly.receive(&[1, 2]), Ok(None));
    let complete = reassembly.receive(&[]).unwrap().unwrap();
    assert_eq!(complete.to_list(), r#"[{"$binary":""},{"$binary":"AQI="}]"#);
}

#[test]
fn a_packet_and_its_attachments_have_one_limit() {
    let list = "[12345678]";
    assert!(Reassembly::begin(&args(list), 1, 8).is_ok());
    let error = Reassembly::begin(&args(list), 1, 7).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a packet of 8 bytes with its attachments is over the limit of 7"
    );
    let mut reassembly = Reassembly::begin(&args(list), 3, 11).unwrap();
    assert_eq!(reassembly.receive(&[1, 2]), Ok(None));
    assert_eq!(
        reassembly.receive(&[3, 4]),
        Err(AttachmentError::TooLong {
            size: 12,
            limit: 11
        })
    );
    assert_eq!(reassembly.bytes, 10);
}

proptest! {
    #[test]
    fn it_never_keeps_more_than_its_limit(
        elements in "[0-9]{0,20}",
        announced in 1_usize..5,
        bytes_max in 0_usize..60,
        attachments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..8),
    ) {
        let list = format!("[{elements}]");
        let Ok(mut reassembly) = Reassembly::begin(&args(&list), announced, bytes_max) else {
            prop_assert!(elements.len() > bytes_max);
            return Ok(());
        };
        let mut kept = elements.len();
        for (count, attachment) in attachments.iter().enumerate() {
            let outcome = reassembly.receive(attachment);
            let fits = kept + attachment.len() <= bytes_max;
            prop_assert_eq!(outcome.is_ok(), fits);
            prop_assert!(reassembly.bytes <= bytes_max);
            if !fits {
                break;
            }
            kept += attachment.len();
            prop_assert_eq!(outcome.unwrap().is_some(), count + 1 == announced);
            if count + 1 == announced {
                break;
            }
        }
    }
}
