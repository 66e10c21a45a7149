use futures_util::future::join_all;
use rstest::rstest;
use rustix::process::Signal;

use super::process::{Process, children, until};
use super::request::{assert_lost, named, until_served};
use crate::lane::Mode::{self, Fork, Pool};
use crate::lane::{self, SPARE_CHILDREN};

#[rstest]
#[tokio::test]
async fn a_fork_server_that_is_killed_takes_its_children_with_it_and_is_replaced(
    #[values(Fork, Pool)] mode: Mode,
) {
    // Seven, most of which have never done anything: how long they are missed does not depend on
    // how many they are.
    let lane = lane::with_slots(mode, 7, &["--request-timeout", "20s"]);
    let fork_server = Process::of(&lane).children().remove(0);
    let killed = async {
        lane.until_busy(2).await;
        let children = children(&lane, if mode == Fork { 2 + SPARE_CHILDREN } else { 7 }).await;
        fork_server.signal(Signal::KILL);
        children
    };
    let requests = join_all((0..2).map(|_| named(&lane, "/sleep?ms=3600000", "lost")));
    let (outcomes, children) = tokio::join!(requests, killed);
    outcomes.into_iter().for_each(assert_lost);
    until("gone", || !children.iter().any(|child| child.is_alive())).await;
    until_served(&lane).await;
    let status = lane.until_busy(0).await;
    let lost = status["children"]["exited"]["crashed"].as_u64().unwrap();
    assert_eq!(lost, children.len() as u64);
}
