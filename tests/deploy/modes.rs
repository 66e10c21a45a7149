//! Every mode in a container: as process 1, not as root, without capabilities and without a disk to write to.

use onelane_stack::{Compose, Lane, docker, eventually};
use rstest::rstest;

/// What runs, and with which rights.
const RIGHTS: &str = "{{.Path}} {{.HostConfig.Init}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}} \
    {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}";
const LIMITS: &str = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}";
const END: &str = "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}}";

const SMALL: (u64, u64) = (64, 64);
const LARGE: (u64, u64) = (512, 512);

/// The first one is a mode that was not said.
#[rstest]
#[case("", "blocking", SMALL)]
#[case("threads", "threads", LARGE)]
#[case("fork", "fork", LARGE)]
#[case("pool", "pool", LARGE)]
#[case("cluster", "cluster", LARGE)]
#[tokio::test]
async fn a_container_computes_and_drains(
    #[case] said: &str,
    #[case] mode: &str,
    #[case] (mebibytes, processes): (u64, u64),
) {
    let Some(stack) = Compose::up_as(said, 1).await else {
        return;
    };
    let lane = stack.lanes().await.remove(0);
    let facts = async |format| docker(["inspect", "--format", format, &lane.container]).await;
    assert_eq!(
        facts(RIGHTS).await,
        "/lane <nil> 65532:65532 true [ALL] [no-new-privileges:true]"
    );
    let limits = format!("{} {processes}", mebibytes << 20);
    assert_eq!(facts(LIMITS).await, limits);
    assert_eq!(lane.probe("/status").await.json["mode"], mode);

    let answer = stack.get("/fast").await;
    assert_eq!((answer.status, &answer.json["ok"]), (200, &true.into()));
    assert!(stack.nginx().await.is_healthy().await);

    let running = stack.get_in_background("/sleep?ms=1500");
    eventually("a busy slot", async || is_busy(&lane).await.then_some(())).await;
    docker(["stop", &lane.container]).await;
    assert_eq!(running.await.unwrap().status, 200);
    assert_eq!(facts(END).await, "exited 0 false 0");
}

/// Whichever slot it is.
async fn is_busy(lane: &Lane) -> bool {
    let status = lane.probe("/status").await.json;
    let mut slots = status["slots"].as_array().into_iter().flatten();
    slots.any(|slot| slot["state"] == "busy")
}
