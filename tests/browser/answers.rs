//! Answers of any type, of a service that answers with what it gets: none of them is ever a page of this server.

use std::fs;

use tempfile::TempDir;

use crate::browser::Browser;
use crate::services::drills;

/// The panel of the route that answers so.
const MIRROR: &str = "[data-label='There and back']";

/// Sends a file of this content there, and waits for its answer.
async fn mirror(browser: &Browser, name: &str, content: &[u8]) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    browser
        .choose(&format!("{MIRROR} [type=file]"), &[path.to_str().unwrap()])
        .await;
    browser
        .until(&format!(
            "document.querySelector('figure')?.textContent.startsWith('{name}: ')"
        ))
        .await;
}

/// What is seen if this is a page, and what runs.
const PAGE: &str = "<title>foreign</title><script>(opener ?? parent).foreign = 1</script>";

#[tokio::test]
async fn what_could_be_a_program_is_text_and_no_page() {
    let Some(lane) = drills().await else {
        return;
    };
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    let drawing = format!("<svg xmlns='http://www.w3.org/2000/svg'>{PAGE}</svg>");
    for (name, content, saved) in [
        ("page.html", PAGE, "answer.html"),
        ("drawing.svg", &drawing, "answer.svg"),
        ("list.json", r#"{"a":[1,"<b>"]}"#, "answer.json"),
        ("notes.txt", "it's <b>text</b>", "answer.plain"),
    ] {
        mirror(&browser, name, content.as_bytes()).await;
        let shown = "return document.querySelector('figure pre').textContent";
        assert_eq!(browser.text(shown).await, content);
        let link = "return document.querySelector('figure a').download";
        assert_eq!(browser.text(link).await, saved);
        if !content.contains(PAGE) {
            continue;
        }
        // A user may open what is meant to be saved.
        let open = "const link = document.querySelector('figure a'); link.removeAttribute('download'); link.target = '_blank'";
        browser.js(open).await;
        browser.click("figure a").await;
    }
    // By now, the first ones would be there.
    let titles = browser.titles().await;
    assert!(!titles.contains(&"foreign".to_owned()), "{titles:?}");
    assert_eq!(browser.js("return window.foreign ?? 0").await, 0);
    let pictures = "return document.querySelectorAll('figure img').length";
    assert_eq!(browser.js(pictures).await, 0);
}

#[tokio::test]
async fn anything_else_is_to_be_saved_and_a_pdf_to_be_opened() {
    let Some(lane) = drills().await else {
        return;
    };
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };

    mirror(&browser, "data.unheard", &[0, 1, 2]).await;
    let link = "const { textContent, download, target } = document.querySelector('figure a');
        return `${textContent} ${download} ${target}`";
    assert_eq!(browser.text(link).await, "Save answer.octet-stream ");
    let said = "return document.querySelector('figcaption').firstChild.textContent.trim()";
    assert_eq!(
        browser.text(said).await,
        "data.unheard: 3 bytes of application/octet-stream"
    );

    let pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n";
    mirror(&browser, "paper.pdf", pdf).await;
    assert_eq!(browser.text(link).await, "Open  _blank");
    let url = browser
        .text("return document.querySelector('figure a').href")
        .await;
    let opened = browser.follow("figure a").await;
    assert_eq!(opened, (url, "application/pdf".to_owned()));
}

#[tokio::test]
async fn a_body_that_is_written_is_sent_as_what_it_is() {
    let Some(lane) = drills().await else {
        return;
    };
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };

    browser.press("[data-label='A thing'] .send").await;

    browser.until_fact("served", "1").await;
    browser
        .until("document.querySelector('figure pre')?.textContent.includes(`it's </textarea>{}`)")
        .await;
    let code = "return document.querySelector('[data-label=\"A thing\"] code').textContent";
    let expected = format!(
        r#"curl -X PUT --data-raw '{{"count":3,"name":"it'\''s </textarea>{{}}"}}' -H 'Content-Type: application/json' 'http://{}/take/%7Bid%7D'"#,
        lane.listen
    );
    assert_eq!(browser.text(code).await, expected);

    // Its limit is 1000 bytes.
    let long = "const form = document.querySelector('[data-label=\"A thing\"]'); form.body.value = 'x'.repeat(1001); form.requestSubmit()";
    browser.js(long).await;
    browser
        .until("document.querySelector('figure').textContent.endsWith('413 body_too_large (the body is larger than 1000 bytes)')")
        .await;
    assert_eq!(browser.fact("refused").await, "0", "it was not sent");
}
