//! What the scripts tell the user who has started a stack.

use std::net::{Ipv4Addr, SocketAddr};

use onelane_stack::{Compose, Local, get, output, skip};
use rustix::net::{AddressFamily, SocketType, bind, socket};
use tokio::process::Command;

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

/// The counters of nginx are to be on the next port. A program that has taken it and does not listen is not
/// seen until nginx tries to take it, just like a program that takes it at the last moment.
#[tokio::test]
async fn a_port_that_is_taken_at_the_last_moment_is_left_to_the_program_that_has_it() {
    let (stack, up) = Local::prepare(1).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, stack.port + 1));
    let theirs = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a descriptor");
    bind(&theirs, &address).expect("it was free");
    let stack = stack.start(up).await;
    assert_ne!(stack.admin, format!("http://{address}"));
    assert_eq!(
        get(format!("{}/stub_status", stack.admin)).await.status,
        200
    );
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
