//! Files that are sent to a service, and what the page shows of the answers: the thumbnailer of `examples/services`.

use std::fs;

use onelane_rig::send;
use reqwest::Method;
use rstest::rstest;

use crate::access::CONTRAST;
use crate::browser::Browser;
use crate::front::Front;
use crate::services::Thumbnailer;

/// The panel of its only route, and what is in it.
const PANEL: &str = "[data-sent=raw]";
const FILE: &str = "[data-sent=raw] [type=file]";

/// What is said below an answer, the latest first.
const SAID: &str = "return document.querySelector('figure')?.textContent ?? ''";

async fn open(service: &Thumbnailer) -> Option<Browser> {
    Browser::open(&format!("http://{}/", service.lane.listen)).await
}

async fn until_shown(browser: &Browser, text: &str) {
    browser
        .until(&format!(
            "(document.querySelector('figure')?.textContent ?? '').includes('{text}')"
        ))
        .await;
}

#[rstest]
#[case(false)]
#[case(true)]
#[tokio::test]
async fn a_picture_that_is_dropped_comes_back_small(#[case] behind_nginx: bool) {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let front;
    if behind_nginx {
        front = Front::of(&service.lane).await;
        browser.go(&front.url).await;
    }
    // Large enough for nginx to ask before it sends, and within its limit.
    let large = service.pictures.draw(1600, 1200, "it's large.jpg").await;

    browser.drop_on(PANEL, &large).await;

    until_shown(&browser, "it\\'s large.jpg: 300 × 225 pixels, ").await;
    let said = browser.text(SAID).await;
    assert!(said.contains(" bytes of image/jpeg"), "{said}");
    let shown = "const { naturalWidth, offsetWidth } = document.querySelector('figure img'); return `${naturalWidth} ${offsetWidth > 290}`";
    assert_eq!(browser.text(shown).await, "300 true");
    let bar = browser.bar("it's large.jpg").await;
    assert_eq!(bar.row, "lane 1");
    assert!(bar.part("compute") > 0.0, "{bar:?}");
    let asked = browser.text("return location.pathname").await;
    assert_eq!(asked, "/", "the file is not in the place of the page");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn the_answer_can_be_saved_and_only_the_last_six_are_kept() {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let picture = service.pictures.draw(40, 30, "small.png").await;
    browser.choose(FILE, &[&picture]).await;
    until_shown(&browser, "40 × 30 pixels").await;
    let link = "document.querySelector('figure a')";
    let first = browser.text(&format!("return {link}.href")).await;
    let name = browser.text(&format!("return {link}.download")).await;
    assert_eq!(name, "answer.jpeg");
    let load = format!(
        "const it = new Image(); it.src = '{first}'; return it.decode().then(() => 'there', () => 'gone')"
    );
    assert_eq!(browser.text(&load).await, "there");

    let six = [&*picture; 6];
    browser.choose(FILE, &six).await;

    // The driver keeps what was chosen before.
    browser.until_fact("served", "8").await;
    browser
        .until(&format!(
            "![...document.querySelectorAll('figure a')].some(({{ href }}) => href === '{first}')"
        ))
        .await;
    let kept = "return document.querySelectorAll('figure').length";
    assert_eq!(browser.js(kept).await, 6);
    assert_eq!(browser.text(&load).await, "gone", "its bytes are free");
    browser.press("#clear").await;
    assert_eq!(browser.js(kept).await, 0);
}

#[tokio::test]
async fn what_a_lane_would_refuse_is_not_sent_and_told_in_its_words() {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let lane = &service.lane;
    for (name, content_type, length) in [
        ("notes.txt", "text/plain", 5),
        ("huge.png", "image/png", (8 << 20) + 1),
    ] {
        let path = service.pictures.path(name);
        fs::write(&path, vec![0; length]).unwrap();

        browser.drop_on(PANEL, &path).await;

        until_shown(&browser, "is not sent").await;
        until_shown(&browser, name).await;
        let told = browser.text(SAID).await;
        let request = lane.request(Method::POST, "/thumbnail");
        let request = request.header("content-type", content_type);
        let answer = send(request.body(vec![0; length])).await;
        let problem = answer.json();
        let words = format!(
            "{name} is not sent: {} {} ({})",
            answer.status,
            problem["reason"].as_str().unwrap(),
            problem["detail"].as_str().unwrap()
        );
        assert_eq!(told, words);
        assert_eq!(
            browser
                .text("return document.querySelector('#news').textContent")
                .await,
            words
        );
    }
    assert_eq!(browser.bars().await.len(), 0);
    let asked = "return performance.getEntriesByType('resource').length";
    assert_eq!(browser.js(asked).await, 0);
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_its_reason() {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let path = service.pictures.path("broken.png");
    fs::write(&path, "hello").unwrap();

    browser.choose(FILE, &[&path]).await;

    until_shown(&browser, "broken.png: 422 not_an_image (").await;
    assert_eq!(
        browser.bar("broken.png · 422 not_an_image").await.row,
        "not served"
    );
    let pictures = "return document.querySelectorAll('figure img, figure a').length";
    assert_eq!(browser.js(pictures).await, 0);
}

#[tokio::test]
async fn a_picture_that_waits_can_be_cancelled_and_sent_again() {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let lane = &service.lane;
    // A lane alone does not notice who leaves while most of a body is on its way.
    let front = Front::of(lane).await;
    browser.go(&front.url).await;
    let picture = service.pictures.draw(1600, 1200, "large.jpg").await;
    browser.send("/sleep?ms=600000", 1).await;
    lane.until("busy", 0).await;
    browser.drop_on(PANEL, &picture).await;
    lane.until("busy", 1).await;

    browser
        .press("[aria-label='Cancel request 2: large.jpg to /thumbnail?width=300']")
        .await;

    lane.until("busy", 0).await;
    assert_eq!(browser.bar("large.jpg · cancelled").await.row, "not served");
    browser.press(".cancel").await;
    browser.press("[data-sent=raw] .send").await;
    until_shown(&browser, "300 × 225 pixels").await;
    browser.until_settled().await;
    lane.until("idle", 0).await;
    assert_eq!(browser.fact("cancelled").await, "2");
    assert_eq!(browser.fact("served").await, "1");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_file_can_be_sent_with_the_keyboard() {
    const TAB: char = '\u{E004}';
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let focus = "return document.activeElement.name ?? ''";
    for name in ["path", "file"] {
        while browser.text(focus).await != name {
            browser.strike(&[TAB]).await;
        }
        let outline = "return getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(
            browser.text(outline).await,
            "solid",
            "one sees where one is"
        );
    }
    let named = "return document.activeElement.labels[0].textContent";
    assert!(
        browser
            .text(named)
            .await
            .starts_with("Drop a file here, or choose one for: Make it small")
    );
    // In the place of the browser's dialog, which has no page to look at.
    browser
        .js("document.activeElement.addEventListener('click', (event) => { event.preventDefault(); window.asked = true; })")
        .await;
    browser.strike(&[' ']).await;
    browser.until("window.asked").await;
    let picture = service.pictures.draw(40, 30, "small.png").await;
    browser.choose(FILE, &[&picture]).await;
    until_shown(&browser, "40 × 30 pixels").await;
    let news = "document.querySelector('#news').textContent.startsWith('small.png to /thumbnail?width=300: ')";
    browser.until(news).await;
}

#[tokio::test]
async fn the_command_names_the_file_and_the_admin_side_offers_none() {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    let base = format!("http://{}", service.lane.listen);
    let code = format!("return document.querySelector('{PANEL} code').textContent");
    let expected = |file: &str, content_type: &str| {
        format!(
            "curl --data-binary '@{file}' -H 'Content-Type: {content_type}' '{base}/thumbnail?width=300'"
        )
    };
    assert_eq!(browser.text(&code).await, expected("FILE", "image/jpeg"));
    let picture = service.pictures.draw(40, 30, "it's.png").await;
    browser.choose(FILE, &[&picture]).await;
    assert_eq!(
        browser.text(&code).await,
        expected(r"it'\''s.png", "image/png")
    );

    browser
        .go(&format!("http://{}/", service.lane.admin_listen))
        .await;
    browser.until_fact("mode", "blocking").await;
    assert_eq!(
        browser
            .js("return document.querySelectorAll('[type=file]').length")
            .await,
        0
    );
}

#[rstest]
#[case("light")]
#[case("dark")]
#[tokio::test]
async fn a_panel_with_its_answers_can_be_read_and_fits_a_phone(#[case] scheme: &str) {
    let Some(service) = Thumbnailer::start().await else {
        return;
    };
    let Some(browser) = open(&service).await else {
        return;
    };
    browser.prefer("prefers-color-scheme", scheme).await;
    browser.resize(375, 667, 1.0).await;
    let notes = service.pictures.path("notes.txt");
    fs::write(&notes, "hello").unwrap();
    let large = service.pictures.draw(900, 90, "large.png").await;
    let wide = format!("document.querySelector('{PANEL}').path.value = '/thumbnail?width=900'");
    browser.js(&wide).await;
    browser.drop_on(PANEL, &large).await;
    until_shown(&browser, "900 × 90 pixels").await;
    browser.drop_on(PANEL, &notes).await;
    until_shown(&browser, "is not sent").await;

    let contrast = browser.number(CONTRAST).await;
    assert!(contrast >= 4.5, "{contrast} : 1");
    let width = "return document.documentElement.scrollWidth";
    assert_eq!(browser.js(width).await, 375);
}
