use super::*;

const TABLE: &[Layer] = &[
    Layer {
        name: "pure",
        ours: &[],
        outside: Outside::Only(&["bytes"]),
        never_sees: &["tokio"],
    },
    Layer {
        name: "driver",
        ours: &["pure"],
        outside: Outside::Any,
        never_sees: &["clap"],
    },
];

type Row = (&'static str, &'static [&'static str]);

fn check(members: &[Row], outside: &[Row], expected: &[&str]) {
    assert_eq!(
        faults_of(&Graph::planted(members, outside), TABLE),
        expected
    );
}

#[test]
fn a_tree_as_in_the_table_has_no_fault() {
    check(
        &[("pure", &["bytes"]), ("driver", &["pure", "tokio"])],
        &[("bytes", &[]), ("tokio", &["bytes"])],
        &[],
    );
}

#[test]
fn a_dependency_outside_the_list_is_found() {
    check(
        &[("pure", &["bytes", "regex"]), ("driver", &[])],
        &[("bytes", &[]), ("regex", &[])],
        &["pure may not use regex"],
    );
}

#[test]
fn an_arrow_that_points_up_is_found() {
    check(
        &[("pure", &["driver"]), ("driver", &[])],
        &[],
        &["pure may not use driver"],
    );
}

#[test]
fn what_must_never_be_seen_is_found_behind_others() {
    check(
        &[("pure", &["bytes"]), ("driver", &[])],
        &[
            ("bytes", &["loom"]),
            ("loom", &["tokio"]),
            ("tokio", &["bytes"]),
        ],
        &["pure must never see tokio: pure -> bytes -> loom -> tokio"],
    );
}

#[test]
fn what_must_never_be_seen_is_found_although_any_other_crate_is_allowed() {
    check(
        &[("pure", &[]), ("driver", &["clap"])],
        &[("clap", &[])],
        &["driver must never see clap: driver -> clap"],
    );
}

#[test]
fn a_crate_without_a_row_is_found() {
    check(
        &[("pure", &[]), ("driver", &[]), ("stray", &[])],
        &[],
        &["stray has no row in the table of layers"],
    );
}

#[test]
fn a_row_without_a_crate_is_found() {
    check(
        &[("pure", &[])],
        &[],
        &["driver is in the table, not in the tree"],
    );
}

#[test]
fn every_crate_of_ours_in_the_table_has_a_row() {
    for layer in LAYERS {
        for used in layer.ours {
            assert!(
                LAYERS.iter().any(|other| other.name == *used),
                "{used}, used by {}",
                layer.name
            );
        }
    }
}

#[test]
fn development_dependencies_do_not_count() {
    let dependency = |name: &str, kind: &str| {
        format!(
            r#"{{"name":"{name}","pkg":"{name} 1","dep_kinds":[{{"kind":{kind},"target":null}}]}}"#
        )
    };
    let package = |name: &str| {
        format!(
            r#"{{"name":"{name}","version":"1.0.0","id":"{name} 1","dependencies":[],"targets":[],"features":{{}},"manifest_path":"/tree/crates/{name}/Cargo.toml"}}"#
        )
    };
    let node = |name: &str, dependencies: &str| {
        format!(r#"{{"id":"{name} 1","dependencies":[],"deps":[{dependencies}]}}"#)
    };
    let json = format!(
        r#"{{"packages":[{},{},{}],"workspace_members":["pure 1"],"resolve":{{"nodes":[{},{},{}],"root":null}},"workspace_root":"/tree","target_directory":"/tree/target","version":1}}"#,
        package("pure"),
        package("bytes"),
        package("tokio"),
        node(
            "pure",
            &[dependency("bytes", "null"), dependency("tokio", r#""dev""#)].join(",")
        ),
        node("bytes", ""),
        node("tokio", ""),
    );
    let metadata = cargo_metadata::MetadataCommand::parse(json).unwrap();
    let graph = Graph::of(&metadata).unwrap();
    assert_eq!(graph.dependencies("pure").collect::<Vec<_>>(), ["bytes"]);
    assert_eq!(graph.path("pure", "tokio"), None);
    assert_eq!(
        graph.crates_below("crates").into_iter().collect::<Vec<_>>(),
        ["pure"]
    );
}
