//! Configuration files.

use broker_server::config::Config;

/// The input is a file.
pub(crate) fn feed(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    match toml::from_str::<Config>(text) {
        Ok(config) => {
            let again: Config = toml::from_str(text).expect("it was read before");
            assert_eq!(again, config);
            for problem in config.validate() {
                assert!(!problem.key.is_empty() && !problem.reason.is_empty());
            }
            let exposed = config.exposed();
            assert!(
                exposed
                    .iter()
                    .all(|exposed| !exposed.to_string().is_empty())
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
