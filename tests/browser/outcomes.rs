//! What a request can come to, and what the page shows of it.

use onelane_rig::Lane;

use crate::alone;
use crate::browser::Browser;
use crate::page::{BURST, CANCEL_LONG, FAST, LONG, PATIENT};

fn public(lane: &Lane) -> String {
    format!("http://{}/", lane.listen)
}

#[tokio::test]
async fn cancelling_frees_the_lane() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };
    browser.send(LONG, 1).await;
    lane.until("busy", 0).await;
    browser.press(FAST).await;
    lane.until("busy", 1).await;

    browser.press(CANCEL_LONG).await;

    browser.until_settled().await;
    lane.until("idle", 0).await;
    let long = browser.bar("/sleep?ms=600000 · cancelled").await;
    assert_eq!(long.row, "not served");
    assert!(long.part("cancelled") > 0.0);
    assert_eq!(
        browser.bar("/fast").await.row,
        "lane 1",
        "it took the freed lane"
    );
    assert_eq!(browser.fact("cancelled").await, "1");
    assert_eq!(browser.fact("served").await, "1");
    let gone = lane.metric(r#"onelane_rejected_total{reason="client_gone"}"#);
    assert!(gone.await >= 1.0, "the lane noticed");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn refused_requests_are_shown_with_their_reason_and_when_to_come_back() {
    let lane = alone::start(&[&PATIENT[..], &["--queue-max", "1"]].concat());
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };

    browser.send("/sleep?ms=600000", 5).await;
    browser.until_fact("refused", "3").await;

    let bars = browser.bars().await;
    let refused: Vec<_> = bars
        .iter()
        .filter(|bar| bar.part("refused") > 0.0)
        .collect();
    assert_eq!(refused.len(), 3);
    for bar in refused {
        assert_eq!(bar.row, "not served");
        assert!(
            bar.label.contains(" · 503 queue_full, retry in "),
            "{bar:?}"
        );
    }
    let log = browser
        .text("return document.querySelector('#log').textContent")
        .await;
    assert!(log.contains("as many requests wait as may wait"), "{log}");
    lane.until("busy", 1).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn mistakes_and_deadlines_are_refusals_too() {
    let lane = alone::start(&["--request-timeout", "50ms"]);
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };

    for path in ["/sleep?ms=soon", "/sleep?ms=600000", "/no/such/route"] {
        browser.send(path, 1).await;
        browser.until_settled().await;
    }

    let labels: Vec<_> = browser
        .bars()
        .await
        .into_iter()
        .map(|bar| bar.label)
        .collect();
    let expected = [
        "/sleep?ms=soon · 400 bad_request",
        "/sleep?ms=600000 · 504 request_timeout",
        "/no/such/route · 404 not_found",
    ];
    assert_eq!(labels, expected);
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_from_one_that_refuses() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };
    drop(lane);

    browser.press(FAST).await;
    browser.until_settled().await;

    assert_eq!(browser.bar("/fast · no answer").await.row, "not served");
}

#[tokio::test]
async fn what_the_browser_holds_back_is_not_called_queued() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };

    browser.send("/sleep?ms=600000", 8).await;

    // As many connections as a browser opens, and the server sees no more.
    lane.until("busy", 5).await;
    browser.until_fact("under way", "6").await;
    assert_eq!(browser.fact("held in the browser").await, "2");
    let bars = browser.bars().await;
    let held = bars.iter().filter(|bar| bar.part("pending") == 0.0);
    assert_eq!(held.count(), 2);

    // One of the six makes room for one of the two.
    browser.press("[aria-label^='Cancel request 2:']").await;
    browser.until_fact("held in the browser", "1").await;
    lane.until("busy", 5).await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_burst_on_one_lane_is_a_staircase() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };

    browser.press(BURST).await;
    browser.until_settled().await;

    let bars = browser.bars().await;
    assert_eq!(bars.len(), 12);
    // One computation after the other: eleven steps between the first end and the last.
    let step = bars[0].part("compute");
    let stairs = bars[11].to - bars[0].to;
    assert!(stairs > 8.0 * step, "{stairs} of {step} each");
    // In the order of their answers: the first waited for no other, the sixth for five.
    assert!(bars[5].part("queue") > bars[0].part("queue") + 2.0 * step);
    assert!(bars[11].part("held") > bars[0].part("held") + 2.0 * step);
    let dots = "return document.querySelectorAll('#plot i').length";
    assert_eq!(browser.js(dots).await, 12);
}

#[tokio::test]
async fn clearing_starts_afresh() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&public(&lane)).await else {
        return;
    };
    browser.press(FAST).await;
    browser.until_settled().await;

    browser.press("#clear").await;

    assert_eq!(browser.bars().await.len(), 0);
    assert_eq!(browser.fact("served").await, "0");
    browser.press(FAST).await;
    browser.until_settled().await;
    assert_eq!(browser.bar("/fast").await.row, "lane 1");
}
