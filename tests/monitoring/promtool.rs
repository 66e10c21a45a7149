//! The rules, and the cases in which they should fire or not, as Prometheus itself judges them. The image
//! has the rules file that is made from the object for Kubernetes; its configuration is checked when it is
//! built.

use onelane_stack::{docker_is_there, output};
use tokio::process::Command;

const IMAGE: &str = concat!(env!("CARGO_PKG_NAME"), "-prometheus");

#[tokio::test]
async fn rules_are_sound_and_fire_when_their_cases_say_so() {
    if !docker_is_there().await {
        return;
    }
    output(Command::new("docker/build").env("COMPOSE_PROFILES", "monitoring")).await;
    let script = concat!(
        r"sed 's/\b",
        env!("CARGO_PKG_NAME"),
        r"\b/neighbour/g' rules.yml >/tmp/neighbour.yml && ",
        "promtool check rules --lint=all --lint-fatal rules.yml && promtool test rules tests/*.yml"
    );
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring/tests");
    let mut run = Command::new("docker");
    run.args([
        "run",
        "--rm",
        "--network=none",
        "--tmpfs=/tmp",
        "--workdir=/etc/prometheus",
    ]);
    run.arg(format!("--volume={tests}:/etc/prometheus/tests:ro"));
    run.args(["--entrypoint=sh", IMAGE, "-c", script]);
    let said = output(&mut run).await;
    assert_eq!(
        said.matches("SUCCESS").count(),
        1 + 4,
        "the rules, and four files of cases: {said}"
    );
}
