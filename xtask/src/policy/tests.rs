use super::*;

fn check(text: &str, expected: &[(usize, &str)]) {
    let faults: Vec<_> = faults_in(text).collect();
    let faults: Vec<_> = faults
        .iter()
        .map(|(line, fault)| (*line, &**fault))
        .collect();
    assert_eq!(faults, expected);
}

#[test]
fn a_path_of_a_machine_is_found_with_its_line() {
    check(
        "fine\nsee \"/root/x\"",
        &[(2, "names a path of a machine, below /root/")],
    );
    check(
        "/home/me/x",
        &[(1, "names a path of a machine, below /home/")],
    );
}

#[test]
fn paths_below_the_project_and_of_every_system_are_fine() {
    check("crates/work/src, ./root/x, $DIR/home/x, ${X}/work/", &[]);
    check("http://example.org/work/ and /usr/sbin/nginx, /tmp/x", &[]);
}

#[test]
fn an_install_address_in_a_lock_file_is_found() {
    let fault = SOURCES[0].1;
    check(
        r#"  "resolved": "https://packages.example/ws.tgz","#,
        &[(1, fault)],
    );
    check(r#"  "integrity": "sha512-abc","#, &[]);
}

#[test]
fn a_registry_is_found() {
    check(
        "see https://registry.example/ws",
        &[(1, "names a package registry")],
    );
    check(
        "--index-url https://packages.example",
        &[(1, "chooses a package registry")],
    );
}
