//! Who waits for whom, with one lane and with six, behind nginx.

use std::time::Duration;

use crate::browser::Browser;
use crate::compose::Compose;
use crate::local::Local;
use crate::page::{BIG, BURST, PATIENT_LANES, SEVEN};

#[tokio::test]
async fn with_one_lane_7_waits_behind_the_big_number() {
    let stack = Local::up_with(1, &PATIENT_LANES).await;
    let Some(browser) = Browser::open(&stack.base).await else {
        return;
    };

    browser.press(BIG).await;
    browser.until_fact("under way", "1").await;
    browser.press(SEVEN).await;
    browser.until_fact("under way", "2").await;
    // Far longer than 7 takes. How long the big number takes is up to the machine.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(browser.fact("served").await, "0");
    browser
        .press("[aria-label='Cancel request 1: 29355126551']")
        .await;
    browser.until_fact("served", "1").await;

    let seven = browser.bar("7").await;
    let big = browser.bar("29355126551 · cancelled").await;
    assert_eq!(seven.row, "lane 1");
    // As long as what was left of the big one.
    let left = big.to - seven.from;
    assert!(
        seven.part("queue") > 0.9 * left,
        "{seven:?} waits for {big:?}"
    );
    assert!(
        seven.part("queue") > 10.0 * seven.part("compute"),
        "{seven:?}"
    );
    assert!(seven.title.contains("queued for"), "{seven:?}");
    assert_eq!(browser.fact("lanes that answered").await, "1");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn with_six_lanes_as_processes_7_does_not_wait() {
    let stack = Local::up_with(6, &PATIENT_LANES).await;
    six_lanes(&stack.base).await;
}

#[tokio::test]
async fn with_six_lanes_in_containers_7_does_not_wait() {
    if let Some(stack) = Compose::up(6).await {
        six_lanes(&stack.base).await;
    }
}

async fn six_lanes(base: &str) {
    let Some(browser) = Browser::open(base).await else {
        return;
    };

    browser.press(BIG).await;
    browser.until_fact("under way", "1").await;
    browser.press(SEVEN).await;
    browser.until_fact("served", "1").await;
    let big = browser.bar("29355126551").await;
    assert_eq!(big.row, "under way", "7 is done, and the big number is not");

    browser.press(BURST).await;
    browser.until_fact("served", "13").await;
    browser
        .press("[aria-label='Cancel request 1: 29355126551']")
        .await;
    browser.until_settled().await;
    let big = browser.bar("29355126551 · cancelled").await;
    for bar in browser.bars().await {
        assert!(bar.to <= big.to, "{bar:?} did not wait for {big:?}");
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

    other.press(SEVEN).await;
    other.until_fact("under way", "1").await;
    assert_eq!(busy.fact("under way").await, "3");
    busy.press("#cancel-all").await;
    busy.until_fact("cancelled", "3").await;
    other.until_fact("served", "1").await;
    assert_eq!(other.complaints().await, [""; 0]);
}
