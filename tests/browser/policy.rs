//! What the page may do, and that it keeps to it.

use onelane_stack::Local;

use crate::alone;
use crate::browser::Browser;
use crate::page::{FAST, PATIENT};

#[tokio::test]
async fn a_script_that_is_not_the_pages_own_does_not_run() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    assert_eq!(
        browser.console().await,
        [""; 0],
        "the page itself violates nothing"
    );

    // Each of them throws, or does nothing.
    for attempt in [
        "const script = document.createElement('script'); script.text = 'foreign = true'; document.body.append(script)",
        "document.body.innerHTML += '<img src=x onerror=\"foreign = true\">'",
        "document.body.setAttribute('onclick', 'foreign = true'); document.body.click()",
        "document.body.setAttribute('style', 'display: none')",
    ] {
        browser
            .js(&format!("try {{ {attempt} }} catch {{ /* refused */ }}"))
            .await;
    }

    assert_eq!(browser.js("return window.foreign === true").await, false);
    let shown = "return getComputedStyle(document.body).display";
    assert_eq!(browser.text(shown).await, "block");
    let console = browser.console().await.join("\n");
    assert!(console.contains("Content Security Policy"), "{console}");
}

#[tokio::test]
async fn the_page_asks_no_server_but_its_own() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    browser.press(FAST).await;
    browser.until_settled().await;

    let asked = "return performance.getEntriesByType('resource').map(({ name }) => name)";
    let own = format!("http://{}/fast", lane.listen);
    assert_eq!(browser.js(asked).await, serde_json::json!([own]));
    let elsewhere = format!(
        "return fetch('http://{}/status').then(() => 'answered', () => 'refused')",
        lane.admin_listen
    );
    assert_eq!(browser.text(&elsewhere).await, "refused");
}

#[tokio::test]
async fn behind_nginx_each_protective_header_is_there_once() {
    let lane = alone::start(&PATIENT);
    let stack = Local::up(1).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let direct = lane.get("/").await.headers;
    let proxied = client.get(format!("{}/", stack.base)).send().await.unwrap();

    for name in [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cache-control",
    ] {
        let ours: Vec<_> = direct.get_all(name).iter().collect();
        let theirs: Vec<_> = proxied.headers().get_all(name).iter().collect();
        assert_eq!(ours.len(), 1, "{name}");
        assert_eq!(ours, theirs, "{name}");
    }
    let policy = direct["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(
        lane.admin("/").await.header("content-security-policy"),
        Some(policy)
    );
}
