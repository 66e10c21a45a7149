//! The OpenAPI document: whether it is one, and whether one lane answers as it says. `tests/deploy/openapi.rs` asks the
//! same through nginx, `tests/service/openapi.rs` whether the document is up to date.
//!
//! schemathesis and the validator are Python packages. Where they cannot be had, the tests say that they are skipped and
//! pass; with CI=true they fail.

use std::path::PathBuf;
use std::process::Stdio;

use onelane_rig::Lane;
use onelane_stack::{conforms, openapi_tools};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn document() -> PathBuf {
    onelane_tree::root().join("openapi.json")
}

/// What is wrong with a document, a line each; nothing where the validator cannot be had.
async fn faults(document: &str) -> Option<String> {
    let tools = openapi_tools().await?;
    let mut validate = Command::new("python3")
        .arg(onelane_tree::root().join("tests/openapi/validate.py"))
        .env("PYTHONPATH", tools)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script has found a Python");
    let mut input = validate.stdin.take().expect("it is piped");
    input
        .write_all(document.as_bytes())
        .await
        .expect("it reads");
    drop(input);
    let output = validate.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "validate.py failed");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn the_document_is_valid() {
    let text = std::fs::read_to_string(document()).unwrap();
    let Some(found) = faults(&text).await else {
        return;
    };
    assert_eq!(found, "");
    let broken = text.replace("\"responses\": {", "\"response\": {");
    let found = faults(&broken).await.expect("it was there");
    assert_ne!(found, "", "the validator finds nothing");
}

#[tokio::test]
async fn a_lane_answers_as_the_document_says() {
    let lane = Lane::run(onelane_rig::command(BINARY));
    conforms(&document(), &format!("http://{}", lane.listen)).await;
}
