//! The admin side: it shows what a lane does, and sends nothing.

use onelane_rig::send;
use reqwest::Method;

use crate::alone;
use crate::browser::Browser;
use crate::page::PATIENT;

#[tokio::test]
async fn the_admin_page_shows_the_requests_of_others() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.admin_listen)).await else {
        return;
    };
    let work = send(
        lane.request(Method::GET, "/sleep?ms=600000")
            .header("x-request-id", "from-curl"),
    );
    let looks = async {
        lane.until("busy", 0).await;
        let waiting = lane.get("/fast");
        let look = async {
            browser.until_fact("slots busy", "1 of 1").await;
            browser.until_fact("waiting", "1 of 10").await;
            browser
                .until("document.querySelector('.bar .compute') !== null")
                .await;
            browser.bar("from-cur").await
        };
        tokio::select! { bar = look => bar, _ = waiting => unreachable!() }
    };

    let bar = tokio::select! { bar = looks => bar, _ = work => unreachable!() };

    assert_eq!(bar.row, "slot 1");
    // Both have left by now.
    browser.until_fact("slots busy", "0 of 1").await;
    browser.until_fact("waiting", "0 of 10").await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn the_admin_side_sends_no_requests_and_names_the_port_that_takes_them() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.admin_listen)).await else {
        return;
    };

    browser.until_fact("mode", "blocking").await;

    let buttons = "return document.querySelectorAll('.send').length";
    assert_eq!(browser.js(buttons).await, 0);
    let link = browser
        .text("return document.querySelector('#lead a').href")
        .await;
    assert_eq!(link, format!("http://{}/", lane.listen));
    let curl = browser
        .text("return document.querySelector('code').textContent")
        .await;
    assert!(curl.contains(&lane.listen), "{curl}");
}

#[tokio::test]
async fn a_lane_that_went_away_is_told_as_such() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.admin_listen)).await else {
        return;
    };
    browser.until_fact("phase", "serving").await;

    drop(lane);

    browser.until_fact("phase", "no answer").await;
}
