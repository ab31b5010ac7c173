//! Who may use whom. Development dependencies are free: tests may use anything.

/// One crate's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) name: &'static str,
    /// Crates of this workspace that its manifest may name.
    pub(super) ours: &'static [&'static str],
    /// Other crates that its manifest may name.
    pub(super) outside: Outside,
    /// Crates that must not be reached even by way of others.
    pub(super) never_sees: &'static [&'static str],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Outside {
    Any,
    Only(&'static [&'static str]),
}

/// What would give a pure crate a runtime, a socket, a clock, randomness or a log.
const THE_WORLD: &[&str] = &[
    "getrandom",
    "http",
    "hyper",
    "hyper-util",
    "log",
    "mio",
    "rand",
    "rustix",
    "socket2",
    "tokio",
    "tokio-tungstenite",
    "tracing",
    "tungstenite",
];

/// What reads arguments; an embedder's program has its own.
const ARGUMENT_PARSERS: &[&str] = &["clap", "clap_builder", "lexopt", "pico-args"];

pub(super) const LAYERS: &[Layer] = &[
    Layer {
        name: "broker-core",
        ours: &[],
        outside: Outside::Only(&[
            "base64",
            "bytes",
            "foldhash",
            "itoa",
            "roaring",
            "ryu-js",
            "serde",
            "serde_json",
            "siphasher",
            "slab",
            "smallvec",
            "thiserror",
        ]),
        never_sees: THE_WORLD,
    },
    Layer {
        name: "broker-dialect",
        ours: &["broker-core"],
        outside: Outside::Only(&[
            "base64",
            "bytes",
            "form_urlencoded",
            "memchr",
            "serde_json",
            "simdutf8",
            "thiserror",
        ]),
        never_sees: THE_WORLD,
    },
    Layer {
        name: "broker-backend",
        ours: &["broker-core"],
        outside: Outside::Any,
        never_sees: &[
            "broker-dialect",
            "broker-transport",
            "tokio-tungstenite",
            "tungstenite",
        ],
    },
    Layer {
        name: "broker-transport",
        ours: &["broker-core", "broker-dialect"],
        outside: Outside::Any,
        never_sees: &["broker-backend"],
    },
    Layer {
        name: "broker-server",
        ours: &[
            "broker-backend",
            "broker-core",
            "broker-dialect",
            "broker-transport",
        ],
        outside: Outside::Any,
        never_sees: ARGUMENT_PARSERS,
    },
    Layer {
        name: "broker-bin",
        ours: &["broker-server"],
        outside: Outside::Any,
        never_sees: &["broker-bench", "broker-testkit"],
    },
    Layer {
        name: "broker-client",
        ours: &[],
        outside: Outside::Only(&[
            "futures-util",
            "getrandom",
            "rustls-native-certs",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tokio-tungstenite",
        ]),
        never_sees: &[],
    },
    Layer {
        name: "broker-testkit",
        ours: &[
            "broker-backend",
            "broker-core",
            "broker-dialect",
            "broker-server",
            "broker-transport",
        ],
        outside: Outside::Any,
        never_sees: &[],
    },
    Layer {
        name: "broker-bench",
        ours: &[
            "broker-backend",
            "broker-core",
            "broker-dialect",
            "broker-server",
            "broker-testkit",
            "broker-transport",
        ],
        outside: Outside::Any,
        never_sees: &[],
    },
    Layer {
        name: "broker-fuzz",
        ours: &[
            "broker-core",
            "broker-dialect",
            "broker-server",
            "broker-transport",
        ],
        outside: Outside::Any,
        never_sees: &["tokio-tungstenite"],
    },
    Layer {
        name: "axum-page",
        ours: &["broker-server"],
        outside: Outside::Any,
        never_sees: &[],
    },
    Layer {
        name: "axum-socketio",
        ours: &["broker-server"],
        outside: Outside::Any,
        never_sees: &[],
    },
    Layer {
        name: "hyper-echo",
        ours: &["broker-server"],
        outside: Outside::Any,
        never_sees: &["axum", "tokio-tungstenite"],
    },
    Layer {
        name: "in-process-backend",
        ours: &["broker-server"],
        outside: Outside::Any,
        never_sees: &["axum", "tokio-tungstenite"],
    },
    Layer {
        name: "custom-transport",
        ours: &["broker-core"],
        outside: Outside::Any,
        never_sees: &["tokio"],
    },
    Layer {
        name: "xtask",
        ours: &[],
        outside: Outside::Only(&["cargo_metadata", "serde", "serde_json"]),
        never_sees: &[],
    },
];
