use http_body_util::BodyExt;

use super::*;

async fn read(path: &str) -> (StatusCode, String, String) {
    let page = page(path);
    let policy = page.headers().get(header::CONTENT_SECURITY_POLICY);
    let policy = policy
        .map_or("", |policy| policy.to_str().unwrap())
        .to_owned();
    let status = page.status();
    let body = page.into_body().collect().await.unwrap().to_bytes();
    (status, policy, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn only_the_pages_own_style_and_script_run() {
    let (status, policy, page) = read("/").await;
    assert_eq!(status, StatusCode::OK);
    let (_, nonce) = policy.split_once("script-src 'nonce-").unwrap();
    let (nonce, _) = nonce.split_once('\'').unwrap();
    assert_eq!(nonce.len(), 32);
    for tag in ["style", "script"] {
        assert_eq!(page.matches(&format!("<{tag}")).count(), 1);
        assert!(page.contains(&format!("<{tag} nonce=\"{nonce}\">")));
    }
    assert!(!page.contains(NONCE));
    assert!(!policy.contains("unsafe"));
}

#[tokio::test]
async fn every_reader_has_a_nonce_of_their_own() {
    assert_ne!(read("/").await.1, read("/").await.1);
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_takes_no_text_for_markup() {
    let (_, _, page) = read("/").await;
    for foreign in [
        "src=",
        "@import",
        "url(",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let links: Vec<&str> = page
        .match_indices("href=\"")
        .map(|(at, _)| &page[at + 6..at + 11])
        .collect();
    assert!(
        links.iter().all(|link| ["data:", "/\" ta"].contains(link)),
        "{links:?}"
    );
}

#[tokio::test]
async fn elsewhere_there_is_nothing() {
    assert_eq!(read("/favicon.ico").await.0, StatusCode::NOT_FOUND);
}
