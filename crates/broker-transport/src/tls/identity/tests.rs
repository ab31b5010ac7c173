use super::{Identity, IdentityError};

const CERTIFICATE: &str = include_str!("../../../tests/identities/ec.crt");
const RSA_CERTIFICATE: &str = include_str!("../../../tests/identities/rsa.crt");
const SEC1: &str = include_str!("../../../tests/identities/ec-sec1.key");
const PKCS8: &str = include_str!("../../../tests/identities/ec-pkcs8.key");
const PKCS1: &str = include_str!("../../../tests/identities/rsa-pkcs1.key");
const ENCRYPTED_PKCS8: &str = include_str!("../../../tests/identities/encrypted-pkcs8.key");
const ENCRYPTED_SEC1: &str = include_str!("../../../tests/identities/encrypted-sec1.key");

fn read(chain: &str, key: &str) -> Result<Identity, IdentityError> {
    Identity::from_pem(chain.as_bytes(), key.as_bytes())
}

#[test]
fn keys_of_every_usual_format_are_read() {
    for (certificate, key) in [
        (CERTIFICATE, SEC1),
        (CERTIFICATE, PKCS8),
        (RSA_CERTIFICATE, PKCS1),
    ] {
        read(certificate, key).unwrap();
    }
}

#[test]
fn a_chain_and_a_key_may_stand_in_one_file_in_any_order() {
    let both = format!("{PKCS8}text between\n{CERTIFICATE}{RSA_CERTIFICATE}");
    read(&both, &both).unwrap();
}

#[test]
fn what_cannot_be_used_is_refused_by_what_is_wrong_with_it() {
    let cut = &CERTIFICATE[..CERTIFICATE.len() / 2];
    let cut_key = &PKCS8[..PKCS8.len() / 2];
    let nonsense = "-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END PRIVATE KEY-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";
    for (certificate, key, about_key, message) in [
        (SEC1, SEC1, false, "there is no certificate in it"),
        ("", PKCS8, false, "there is no certificate in it"),
        (cut, PKCS8, false, "is the file cut short?"),
        (
            no_certificate,
            PKCS8,
            false,
            "the certificate cannot be read",
        ),
        (CERTIFICATE, CERTIFICATE, true, "there is no private key"),
        (CERTIFICATE, cut_key, true, "is the file cut short?"),
        (
            CERTIFICATE,
            nonsense,
            true,
            "the private key cannot be used",
        ),
        (
            CERTIFICATE,
            ENCRYPTED_PKCS8,
            true,
            "the private key is encrypted",
        ),
        (
            CERTIFICATE,
            ENCRYPTED_SEC1,
            true,
            "the private key is encrypted",
        ),
        (
            CERTIFICATE,
            PKCS1,
            true,
            "does not belong to the certificate",
        ),
        (
            RSA_CERTIFICATE,
            SEC1,
            true,
            "does not belong to the certificate",
        ),
    ] {
        let error = read(certificate, key).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(message), "{message}: {text}");
        assert_eq!(error.is_about_key(), about_key, "{text}");
        assert!(!text.contains("bm9uc2Vuc2U"), "{text}");
    }
}
