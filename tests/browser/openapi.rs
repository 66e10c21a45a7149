//! The page of the OpenAPI document.

use onelane_tree::root;
use serde_json::Value;

use crate::alone;
use crate::browser::Browser;
use crate::page::PATIENT;

#[tokio::test]
async fn every_operation_of_the_document_is_on_its_page() {
    let lane = alone::start(&PATIENT);
    let page = format!("http://{}/", lane.admin_listen);
    let Some(browser) = Browser::open(&page).await else {
        return;
    };
    browser.press("footer a[href='/openapi']").await;
    browser
        .until("document.querySelector('details') !== null")
        .await;

    let document = std::fs::read_to_string(root().join("openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let text = format!("return document.getElementById('{id}').textContent");
            let text = browser.text(&text).await;
            let title = format!("{} {path}", method.to_uppercase());
            assert!(text.starts_with(&title), "{text}");
            for status in operation["responses"].as_object().unwrap().keys() {
                assert!(text.contains(status), "{status} is not in {text}");
            }
        }
    }
    assert_eq!(browser.console().await, [""; 0], "it violates nothing");
}
