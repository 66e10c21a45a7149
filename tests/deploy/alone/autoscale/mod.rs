//! Lanes come and go by themselves, as the load wants.
//!
//! Elsewhere: an autoscaler cuts off what a container computes that it takes away; two of them fight, or one fights with
//! who deploys; one that is stopped half way leaves half a change. Right: nothing is lost, there is one, it takes
//! turns with `make up` and `make down`, and it says what it does.

mod clients;
mod scaler;

use tempfile::TempDir;
use tokio::process::Command;

use onelane_stack::{Compose, alone, complaint, docker, eventually, output};
use scaler::Autoscaler;

#[tokio::test]
async fn lanes_follow_a_load_that_rises_and_falls_and_no_request_is_lost() {
    let _alone = alone().await;
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    let settings = [("MAX", "6"), ("DOWN", "5s")];
    let scaler = Autoscaler::start(&stack, &settings);
    scaler.says("2 lanes, from now on 2 to 6 by load").await;
    let said = complaint(&mut stack.autoscale_command()).await;
    assert!(
        said.contains("there is one for this stack already: docker/autoscale (process "),
        "{said}"
    );

    // Far too many for two lanes, and one for which they are enough.
    let many = clients::start(11, &stack.base);
    let one = clients::start(1, &stack.base);
    scaler.says("2 → 6 lanes: ").await;
    eventually("lanes", async || {
        (stack.lanes().await.len() == 6).then_some(())
    })
    .await;
    // Two of them would want three lanes on a machine that is quick.
    many.stop().await;
    for step in ["6 → 4 lanes: ", "4 → 3 lanes: ", "3 → 2 lanes: "] {
        scaler.says(step).await;
    }
    eventually("lanes", async || {
        (stack.lanes().await.len() == 2).then_some(())
    })
    .await;
    one.stop().await;

    let said = scaler.stop().await;
    let last = said.lines().last().unwrap_or_default();
    assert!(last.ends_with("the lanes stay as they are"), "{said}");
    assert_eq!(stack.lanes().await.len(), 2);
    // By numbers: 2.0 busy and 10.3 waiting want 21.
    let up = said.lines().find(|line| line.contains("2 → 6 lanes"));
    assert!(up.is_some_and(|line| line.contains(" busy and ") && line.contains(" waiting want ")));
}

#[tokio::test]
async fn it_goes_on_with_what_others_do_and_ends_with_the_stack() {
    let Some(stack) = Compose::up_as("threads", 1).await else {
        return;
    };
    let scaler = Autoscaler::start(&stack, &[("MIN", "2"), ("MAX", "3")]);
    scaler.says("1 → 2 lanes: MIN is 2").await;
    let lanes = eventually("lanes", async || {
        let lanes = stack.lanes().await;
        (lanes.len() == 2).then_some(lanes)
    })
    .await;
    for lane in &lanes {
        eventually("a lane", async || lane.is_ready().await.then_some(())).await;
        assert_eq!(lane.probe("/status").await.json["mode"], "threads");
    }

    docker(["kill", &lanes[0].container]).await;
    eventually("the lane that died", async || {
        lanes[0].is_ready().await.then_some(())
    })
    .await;

    // Without LANES, `make up` keeps the lanes that the autoscaler has made; with LANES, the autoscaler goes on
    // from there.
    let said = output(&mut stack.up_again()).await;
    assert!(said.contains("2 threads lane(s)"), "{said}");
    let said = output(stack.up_again().env("LANES", "4")).await;
    assert!(said.contains("4 threads lane(s)"), "{said}");
    scaler.says("4 → 3 lanes: MAX is 3").await;

    output(&mut stack.down_command()).await;
    let said = scaler.ended().await;
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("the stack is gone; autoscale ends"),
        "{said}"
    );
}

#[tokio::test]
async fn what_cannot_be_is_said_at_once() {
    for (name, value, why) in [
        ("MIN", "0", "MIN must be a number of lanes from 1"),
        ("MAX", "many", "MAX must be a number of lanes from 1"),
        ("MIN", "9", "MIN must not be above MAX: 9, 8"),
        ("DOWN", "5m", "DOWN must be a time such as 300s, not '5m'"),
        ("DOCKER_HOST", "unix:///nowhere", "it needs Docker"),
    ] {
        let mut autoscale = Command::new("docker/autoscale");
        let said = complaint(autoscale.env(name, value)).await;
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn a_turn_is_free_again_when_its_process_is_gone() {
    let folder = TempDir::new().expect("there is room for temporary files");
    let script = r#"
        source docker/turns
        cd "$1"
        bash -c 'exec -a docker/up sleep 1000' &
        up=$!
        mkdir .run
        echo $up >.run/stack.change
        until ps -p $up -o args= | grep -q docker/up; do sleep 0.01; done
        take change stack || echo "$holder" | sed "s/$up/its own/"
        kill -KILL $up
        wait $up 2>/dev/null
        take change stack && [[ $(<.run/stack.change) == $$ ]] && ls .run
        give change stack
        ls .run"#;
    let mut bash = Command::new("bash");
    let said = output(bash.args(["-c", script, "-"]).arg(folder.path())).await;
    assert_eq!(said, "docker/up (process its own)\nstack.change");
}
