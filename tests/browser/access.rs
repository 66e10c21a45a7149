//! Keyboard, screen reader, contrast, phone, motion.

use onelane_rig::Lane;
use rstest::rstest;

use crate::alone;
use crate::browser::Browser;
use crate::page::{BURST, FAST, LONG, PATIENT};

const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';
const ESCAPE: char = '\u{E00C}';

async fn open(lane: &Lane) -> Option<Browser> {
    Browser::open(&format!("http://{}/", lane.listen)).await
}

/// What has the focus, by the name that a screen reader reads.
const FOCUS: &str = "return document.activeElement.ariaLabel ?? document.activeElement.textContent";

async fn tab_to(browser: &Browser, name: &str) {
    for _ in 0..30 {
        if browser.text(FOCUS).await.starts_with(name) {
            return;
        }
        browser.strike(&[TAB]).await;
    }
    panic!("the keyboard does not lead to {name}");
}

#[tokio::test]
async fn everything_can_be_done_with_the_keyboard() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = open(&lane).await else {
        return;
    };
    // A browser that is busy loses a key.
    let first = "return document.querySelector('button').textContent";
    let first = browser.text(first).await;
    tab_to(&browser, &first).await;
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(
        browser.text(outline).await,
        "solid",
        "one sees where one is"
    );

    browser.fill(LONG, 1).await;
    tab_to(&browser, "Anything else").await;
    browser.strike(&[ENTER, ' ']).await;
    lane.until("busy", 1).await;
    tab_to(&browser, "Cancel request").await;
    browser.strike(&[ENTER]).await;
    lane.until("busy", 0).await;
    let next = browser.text(FOCUS).await;
    assert_eq!(
        next, "Cancel request 2: /sleep?ms=600000",
        "the focus is not lost"
    );
    browser.strike(&[ENTER]).await;
    lane.until("idle", 0).await;
    assert_eq!(browser.text(FOCUS).await, "Anything else");

    browser.strike(&[ENTER, ENTER]).await;
    lane.until("busy", 1).await;
    browser.strike(&[ESCAPE]).await;
    lane.until("idle", 0).await;
    browser.until_fact("cancelled", "4").await;
}

#[tokio::test]
async fn what_happens_is_announced_and_a_burst_only_once() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = open(&lane).await else {
        return;
    };
    let news = "document.querySelector('[role=status]').textContent";
    browser.press(FAST).await;
    browser
        .until(&format!(
            "/^Nothing at all: {{\"ok\":true,\"pid\":\\d+}} from lane 1/.test({news})"
        ))
        .await;

    browser.send("/fast", 5).await;
    browser
        .until(&format!(
            "{news} === '5 served, 0 refused, 0 cancelled. 0 still under way.'"
        ))
        .await;
}

#[tokio::test]
async fn every_control_has_a_name() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = open(&lane).await else {
        return;
    };
    browser.send(LONG, 1).await;
    lane.until("busy", 0).await;
    let nameless = "return [...document.querySelectorAll('button, input, [role=img]')]
        .filter((it) => !(it.ariaLabel || it.textContent || it.getAttribute('aria-labelledby'))).length";
    assert_eq!(browser.js(nameless).await, 0);
}

/// The least contrast of any text that is shown, over the background that it really has.
pub(crate) const CONTRAST: &str = "
  const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => rgb(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (it) => {
    const colour = getComputedStyle(it).backgroundColor;
    return (rgb(colour)[3] ?? 1) === 1 || !it.parentElement ? colour : ground(it.parentElement);
  };
  const texts = [...document.body.querySelectorAll('*')].filter((it) => !it.disabled && !it.closest('script, noscript, datalist')
    && [...it.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map((it) => {
    const [a, b] = [light(getComputedStyle(it).color), light(ground(it))].sort((a, b) => b - a);
    return (a + 0.05) / (b + 0.05);
  }))";

#[rstest]
#[case("light")]
#[case("dark")]
#[tokio::test]
async fn every_text_can_be_read_in_light_and_in_dark(#[case] scheme: &str) {
    let lane = alone::start(&[&PATIENT[..], &["--queue-max", "1"]].concat());
    let Some(browser) = open(&lane).await else {
        return;
    };
    browser.prefer("prefers-color-scheme", scheme).await;
    // Each kind of text: served, refused, cancelled.
    browser.press(FAST).await;
    browser.until_fact("served", "1").await;
    browser.send("/sleep?ms=600000", 4).await;
    browser.until_fact("refused", "2").await;
    browser.press("#cancel-all").await;
    browser.until_settled().await;

    let contrast = browser.number(CONTRAST).await;

    assert!(contrast >= 4.5, "{contrast} : 1");
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches
        === (Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]) < 128)";
    assert_eq!(browser.js(dark).await, true);
}

#[tokio::test]
async fn a_phone_needs_no_scrolling_sideways() {
    let lane = alone::start(&[&PATIENT[..], &["--queue-max", "1"]].concat());
    let Some(browser) = open(&lane).await else {
        return;
    };
    browser.resize(375, 667, 1.0).await;
    let width = "return document.documentElement.scrollWidth";
    assert_eq!(browser.js(width).await, 375, "empty");

    browser.send(LONG, 1).await;
    browser.press(BURST).await;
    browser.until_fact("refused", "11").await;
    assert_eq!(browser.js(width).await, 375, "under way");
    let small = "return [...document.querySelectorAll('button')].filter((it) => it.getBoundingClientRect().height < 24).length";
    assert_eq!(browser.js(small).await, 0, "large enough for a finger");

    browser.press("#cancel-all").await;
    browser.until_settled().await;
    assert_eq!(browser.js(width).await, 375, "done");
    browser.go(&format!("http://{}/", lane.admin_listen)).await;
    browser.until_fact("mode", "blocking").await;
    assert_eq!(browser.js(width).await, 375, "admin");
}

#[tokio::test]
async fn a_user_who_wants_less_motion_gets_steps() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = open(&lane).await else {
        return;
    };
    browser.send(LONG, 1).await;
    let moving = "return document.getAnimations().length";
    assert_eq!(browser.js(moving).await, 1);

    browser.prefer("prefers-reduced-motion", "reduce").await;

    assert_eq!(browser.js(moving).await, 0);
    let frames = "const bar = document.querySelector('.bar'), widths = new Set();
      for (let n = 0; n < 60; n += 1) { await new Promise(requestAnimationFrame); widths.add(bar.style.width); }
      return widths.size";
    let frames = browser.number(frames).await;
    assert!((1.0..20.0).contains(&frames), "{frames} steps in 60 frames");
    browser.press(".cancel").await;
    lane.until("idle", 0).await;
}
