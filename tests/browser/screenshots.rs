//! The pictures in docs/, made anew by `make screenshots`.

use std::fs;

use crate::browser::Browser;
use crate::local::Local;
use crate::page::{BIG, BURST, PATIENT_LANES, SEVEN};

#[tokio::test]
#[ignore = "it writes into docs/; run it with `make screenshots`"]
async fn screenshots() {
    for (lanes, name) in [(1, "one-lane"), (6, "six-lanes")] {
        let stack = Local::up_with(lanes, &PATIENT_LANES).await;
        let browser = Browser::open(&stack.base).await.expect("a browser");
        browser.resize(1000, 900, 1.5).await;
        browser.press(BIG).await;
        browser.until_fact("under way", "1").await;
        browser.press(SEVEN).await;
        browser.press(BURST).await;
        browser.until_settled().await;
        for scheme in ["light", "dark"] {
            browser.prefer("prefers-color-scheme", scheme).await;
            let picture = browser.picture("#timeline").await;
            let path = format!(
                "{}/docs/page-{name}-{scheme}.png",
                env!("CARGO_MANIFEST_DIR")
            );
            fs::write(path, picture).unwrap();
        }
    }
}
