//! Who waits for whom, with one lane and with six, behind nginx.

use std::time::Duration;

use onelane_stack::{Compose, Local, alone};

use crate::browser::Browser;
use crate::page::{BURST, CANCEL_LONG, FAST, LONG, PATIENT_LANES};

#[tokio::test]
async fn with_one_lane_a_short_request_waits_behind_a_long_one() {
    let stack = Local::up_with(1, &PATIENT_LANES).await;
    let Some(browser) = Browser::open(&stack.base).await else {
        return;
    };

    browser.send(LONG, 1).await;
    browser.until_fact("under way", "1").await;
    browser.press(FAST).await;
    browser.until_fact("under way", "2").await;
    // Far longer than the short one takes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(browser.fact("served").await, "0");
    browser.press(CANCEL_LONG).await;
    browser.until_fact("served", "1").await;

    let short = browser.bar("/fast").await;
    let long = browser.bar("/sleep?ms=600000 · cancelled").await;
    assert_eq!(short.row, "lane 1");
    // As long as what was left of the long one.
    let left = long.to - short.from;
    assert!(
        short.part("queue") > 0.9 * left,
        "{short:?} waits for {long:?}"
    );
    assert!(
        short.part("queue") > 10.0 * short.part("compute"),
        "{short:?}"
    );
    assert!(short.title.contains("queued for"), "{short:?}");
    assert_eq!(browser.fact("lanes that answered").await, "1");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn with_six_lanes_as_processes_a_short_request_does_not_wait() {
    let stack = Local::up_with(6, &PATIENT_LANES).await;
    six_lanes(&stack.base).await;
}

#[tokio::test]
async fn with_six_lanes_in_containers_a_short_request_does_not_wait() {
    if let Some(stack) = Compose::up(6).await {
        six_lanes(&stack.base).await;
    }
}

/// Where a browser takes one connection for all that it asks.
#[tokio::test]
async fn with_six_lanes_over_http2_a_short_request_does_not_wait() {
    let _alone = alone().await;
    let settings = [&PATIENT_LANES[..], &[("TLS", "1")]].concat();
    let stack = Local::up_with(6, &settings).await;
    six_lanes(&stack.base.replacen("http://", "https://", 1)).await;
}

async fn six_lanes(base: &str) {
    let Some(browser) = Browser::open(base).await else {
        return;
    };

    browser.send(LONG, 1).await;
    browser.until_fact("under way", "1").await;
    browser.press(FAST).await;
    browser.until_fact("served", "1").await;
    let long = browser.bar(LONG).await;
    assert_eq!(
        long.row, "under way",
        "the short one is done, the long one is not"
    );

    browser.press(BURST).await;
    browser.until_fact("served", "13").await;
    browser.press(CANCEL_LONG).await;
    browser.until_settled().await;
    let long = browser.bar("/sleep?ms=600000 · cancelled").await;
    for bar in browser.bars().await {
        assert!(bar.to <= long.to, "{bar:?} did not wait for {long:?}");
    }
    let lanes: u32 = browser.fact("lanes that answered").await.parse().unwrap();
    assert!((4..=6).contains(&lanes), "{lanes} lanes took part");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn the_page_comes_while_every_lane_is_busy() {
    let stack = Local::up_with(1, &PATIENT_LANES).await;
    let Some(busy) = Browser::open(&stack.base).await else {
        return;
    };
    busy.send("/sleep?ms=600000", 3).await;
    busy.until_fact("under way", "3").await;

    let other = Browser::open(&stack.base).await.expect("another browser");

    other.press(FAST).await;
    other.until_fact("under way", "1").await;
    assert_eq!(busy.fact("under way").await, "3");
    busy.press("#cancel-all").await;
    busy.until_fact("cancelled", "3").await;
    other.until_fact("served", "1").await;
    assert_eq!(other.complaints().await, [""; 0]);
}
