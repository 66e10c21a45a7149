//! The same page whatever computes.

use rstest::rstest;

use crate::alone;
use crate::browser::Browser;
use crate::page::{FAST, LONG, PATIENT};

#[rstest]
#[case("threads")]
#[case("fork")]
#[case("pool")]
#[case("cluster")]
#[tokio::test]
async fn with_two_slots_a_short_request_does_not_wait_for_a_long_one(#[case] mode: &str) {
    let lane = alone::start(&[&PATIENT[..], &["--mode", mode, "--slots", "2"]].concat());
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };

    browser.send(LONG, 1).await;
    browser.until_fact("under way", "1").await;
    browser.press(FAST).await;
    browser.until_fact("served", "1").await;

    assert_eq!(browser.bar(LONG).await.row, "under way");
    browser.press(".cancel").await;
    browser.until_fact("cancelled", "1").await;
    assert_eq!(browser.bar("/fast").await.row, "lane 1");
    // Both slots are free again: with one, this would take twice as long as each.
    browser.send("/sleep?ms=300", 2).await;
    browser.until_settled().await;
    assert_eq!(browser.fact("served").await, "3");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[rstest]
#[case("blocking", "1")]
#[case("threads", "2")]
#[case("fork", "2")]
#[case("pool", "2")]
#[case("cluster", "2")]
#[tokio::test]
async fn the_admin_side_tells_mode_slots_and_queue(#[case] mode: &str, #[case] slots: &str) {
    let lane = alone::start(&["--mode", mode, "--slots", slots]);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.admin_listen)).await else {
        return;
    };

    browser.until_fact("mode", mode).await;
    browser
        .until_fact("slots busy", &format!("0 of {slots}"))
        .await;
    browser.until_fact("phase", "serving").await;
    let rows = "return document.querySelectorAll('.row').length";
    assert_eq!(browser.js(rows).await.to_string(), slots);
    assert_eq!(browser.complaints().await, [""; 0]);
}
