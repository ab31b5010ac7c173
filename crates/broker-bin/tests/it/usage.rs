//! What is typed, right and wrong.

use broker_server::config::DialectKind;
use expect_test::{Expect, expect};

use crate::process::{Directory, run};

fn check(arguments: &[&str], expected: Expect) {
    let ended = run(&Directory::new(), arguments).to_string();
    let dialects = DialectKind::ALL.map(DialectKind::name).join(", ");
    let ended = ended.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    expected.assert_eq(&ended.replace(&dialects, "DIALECTS"));
}

#[test]
fn the_version_is_data() {
    check(
        &["version"],
        expect![[r#"
        exit 0
        out: wsbroker VERSION
    "#]],
    );
    check(
        &["--version"],
        expect![[r#"
        exit 0
        out: wsbroker VERSION
    "#]],
    );
}

#[test]
fn wrong_usage_is_exit_2() {
    check(
        &["--no-such-flag"],
        expect![[r#"
        exit 2
        err: error: unexpected argument '--no-such-flag' found
        err: 
        err: Usage: wsbroker [OPTIONS] [COMMAND]
        err: 
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &["chekc"],
        expect![[r#"
        exit 2
        err: error: unrecognized subcommand 'chekc'
        err: 
        err:   tip: a similar subcommand exists: 'check'
        err: 
        err: Usage: wsbroker [OPTIONS] [COMMAND]
        err: 
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &["serve", "-q", "-v"],
        expect![[r#"
        exit 2
        err: error: the argument '--quiet' cannot be used with '--verbose...'
        err: 
        err: Usage: wsbroker serve --quiet
        err: 
        err: For more information, try '--help'.
    "#]],
    );
}

#[test]
fn wrong_values_of_flags_say_what_is_wanted() {
    check(
        &["--listen", "localhost:80"],
        expect![[r#"
        exit 2
        err: error: invalid value 'localhost:80' for '--listen <ADDR>': `localhost:80` is not an address: write the IP address, such as 127.0.0.1:80 or [::1]:80
        err: 
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &["--admin", "on"],
        expect![[r#"
        exit 2
        err: error: invalid value 'on' for '--admin <ADDR|off>': `on` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH
        err: 
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &["--backend", "https://user:secret@example.org:0/"],
        expect![[r#"
            exit 2
            err: error: invalid value for '--backend <URL|demo|none>': `0` is no port
            err: 
            err: Usage: wsbroker [OPTIONS] [COMMAND]
            err: 
            err: For more information, try '--help'.
        "#]],
    );
    check(
        &["--endpoint", "*=sockjs"],
        expect![[r#"
            exit 2
            err: error: invalid value '*=sockjs' for '--endpoint <PATH=DIALECT>': `sockjs` is not one of: DIALECTS
            err: 
            err: For more information, try '--help'.
        "#]],
    );
    check(
        &["--allow", "somebody"],
        expect![[r#"
        exit 2
        err: error: invalid value 'somebody' for '--allow <IP|CIDR>': `somebody` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8
        err: 
        err: For more information, try '--help'.
    "#]],
    );
    check(
        &["--shards", "many"],
        expect![[r#"
        exit 2
        err: error: invalid value 'many' for '--shards <N>': invalid digit found in string
        err: 
        err: For more information, try '--help'.
    "#]],
    );
}

#[test]
fn flags_before_a_command_that_has_its_own_are_refused() {
    check(
        &["--listen", "127.0.0.1:1", "check"],
        expect![[r#"
        exit 2
        err: error: these flags belong behind the name of the command
        err: 
        err: Usage: wsbroker [OPTIONS] [COMMAND]
        err: 
        err: For more information, try '--help'.
    "#]],
    );
}

#[test]
fn help_names_the_commands_and_the_flags_of_serve() {
    let help = run(&Directory::new(), &["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for word in [
        "serve",
        "check",
        "version",
        "--config",
        "--listen",
        "--admin",
        "--backend",
        "--backend-format",
        "--allow",
        "--endpoint",
        "--shards",
        "--insecure",
        "--quiet",
        "--verbose",
        "--color",
    ] {
        assert!(
            help.stdout.contains(word),
            "{word} is missing in\n{}",
            help.stdout
        );
    }
}
