//! What the scripts tell whoever has started a stack.

use tokio::process::Command;

use crate::common::{output, skip};
use crate::compose::Compose;
use crate::local::Local;

#[tokio::test]
async fn what_docker_up_suggests_works() {
    if let Some(stack) = Compose::up(2).await {
        works(&stack.said, &stack.base).await;
    }
}

#[tokio::test]
async fn what_local_up_suggests_works() {
    let stack = Local::up(2).await;
    works(&stack.said, &stack.base).await;
}

async fn works(said: &str, base: &str) {
    if Command::new("curl")
        .arg("--version")
        .output()
        .await
        .is_err()
    {
        return skip("there is no curl");
    }
    let mut lines = said.lines();
    let hint = lines.find_map(|line| line.strip_prefix("  try "));
    let hint = hint.unwrap_or_else(|| panic!("nothing to try in {said}"));
    assert_eq!(
        hint.matches(base).count(),
        2,
        "a long one, a short one: {hint}"
    );

    let answers = output(Command::new("bash").args(["-c", hint])).await;

    let results = answers
        .lines()
        .filter(|line| line.starts_with('{') && !line.contains("\"reason\""));
    assert_eq!(results.count(), 2, "{answers}");
}
