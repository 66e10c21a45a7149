//! Requests that are made from the OpenAPI document, through nginx.

use onelane_stack::{Compose, conforms};
use onelane_tree::root;
use serde_json::Value;

#[tokio::test]
async fn answers_through_nginx_are_those_of_the_document() {
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let document = root().join("openapi.json");
    conforms(&document, &stack.base).await;

    // In the image it is a file that was compressed.
    let lane = stack.lanes().await.remove(0);
    let told = lane.probe("/openapi.json").await;
    let file = std::fs::read_to_string(document).unwrap();
    assert_eq!(told.json, serde_json::from_str::<Value>(&file).unwrap());
}
