//! Who may not give commands: tokens that are nearly right, and web pages.

use broker_testkit::client::Answer;

use crate::broker::Broker;

const GUARDED: &str = "access.tokens = ['right', 'another']\naccess.origins = ['https://app.example']\n\
                       access.allow = ['127.0.0.1']\n";

const COUNT: &str = r#"{"type":"count"}"#;

async fn at_both_doors(config: &str, headers: &[(&str, &str)], body: &str) -> [Answer; 2] {
    let broker = Broker::alone(config);
    [
        broker.post(headers, body).await,
        broker.admin(headers, body).await,
    ]
}

#[tokio::test]
async fn a_token_that_is_nearly_right_is_refused_with_401() {
    for token in [
        "Bearer righ",
        "Bearer rights",
        "Bearer Right",
        "Bearer right another",
        "Bearer right,another",
        "Bearer \"right\"",
        "Bearer right\u{e4}",
        "Bearer another right",
        "Bearer ight",
        "Bearer",
    ] {
        for answer in at_both_doors(GUARDED, &[("authorization", token)], COUNT).await {
            assert_eq!(answer.status, 401, "{token}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{token}");
        }
    }
    let two = [
        ("authorization", "Bearer wrong"),
        ("authorization", "Bearer right"),
    ];
    for answer in at_both_doors(GUARDED, &two, COUNT).await {
        assert_eq!(answer.status, 401, "two tokens");
    }
    for token in ["Bearer right", "Bearer another"] {
        for answer in at_both_doors(GUARDED, &[("authorization", token)], COUNT).await {
            assert_eq!(answer.status, 200, "{token}");
        }
    }
}

/// What browsers send with a form that a page of another site posts here (Fetch Standard, "CORS-safelisted").
const FORMS: [(&str, &str); 3] = [
    (
        "application/x-www-form-urlencoded",
        "data=%7B%22type%22%3A%22count%22%7D",
    ),
    ("text/plain", r#"{"type":"count","=":""}"#),
    (
        "multipart/form-data; boundary=b",
        "--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{\"type\":\"count\"}\r\n--b--\r\n",
    ),
];

#[tokio::test]
async fn a_form_that_a_page_of_another_site_posts_is_refused() {
    for (content_type, body) in FORMS {
        for sign in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let headers = [("content-type", content_type), sign];
            let open = "access.allow = ['127.0.0.1']";
            for answer in at_both_doors(open, &headers, body).await {
                assert_eq!(answer.status, 403, "{content_type} {sign:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_whose_own_name_was_pointed_here_is_refused_even_with_a_token() {
    let rebound = |host| {
        [
            ("origin", "http://evil.example:4081"),
            ("sec-fetch-site", "same-origin"),
            ("host", host),
            ("authorization", "Bearer right"),
        ]
    };
    for host in [
        "evil.example:4081",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::1].evil.example",
        "localhost:4081:80",
        "",
    ] {
        for answer in at_both_doors(GUARDED, &rebound(host), COUNT).await {
            assert!(
                [400, 403].contains(&answer.status),
                "{host:?}: {}",
                answer.status
            );
        }
        // Without a token it is one more reason to refuse it.
        for answer in at_both_doors(GUARDED, &rebound(host)[..3], COUNT).await {
            assert!(
                [400, 401, 403].contains(&answer.status),
                "{host:?}: {}",
                answer.status
            );
        }
    }
    for answer in at_both_doors(GUARDED, &rebound("app.example"), COUNT).await {
        assert_eq!(answer.status, 200);
    }
}
