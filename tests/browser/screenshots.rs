//! The pictures in docs/, made anew by `make screenshots`.

use std::fs;

use onelane_stack::Local;

use crate::browser::Browser;
use crate::page::{BURST, PATIENT_LANES};

/// The first examples of this service: a long one and a short one.
const LONG: &str = "form:nth-of-type(1) .send";
const SHORT: &str = "form:nth-of-type(2) .send";

#[tokio::test]
#[ignore = "it writes into docs/; run it with `make screenshots`"]
async fn screenshots() {
    for (lanes, name) in [(1, "one-lane"), (6, "six-lanes")] {
        let stack = Local::up_with(lanes, &PATIENT_LANES).await;
        // The port of a test is any; the reader's is 5000.
        let names = stack.base.replace("http://", "MAP localhost ");
        let browser = Browser::open_as("http://localhost:5000", &names).await;
        let browser = browser.expect("a browser");
        browser.resize(1100, 900, 1.5).await;
        browser.press(LONG).await;
        browser.until_fact("under way", "1").await;
        browser.press(SHORT).await;
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
