use rstest::rstest;
use rustix::process::Signal;

use super::process::{Process, computing, listeners, until};
use super::request::named;
use crate::lane;
use crate::lane::Mode::{self, Cluster, Fork, Pool};

#[rstest]
#[tokio::test]
async fn a_server_that_is_killed_leaves_no_process_and_no_socket(
    #[values(Fork, Pool, Cluster)] mode: Mode,
) {
    let mut lane = lane::with_slots(mode, 2, &[]);
    let sockets = Process::of(&lane).listeners();
    assert!(sockets.values().any(|at| at.to_string() == lane.listen));
    let killed = async {
        let child = computing(&lane, "lost").await;
        let family = Process::of(&lane).descendants();
        assert!(family.contains(&child));
        lane.signal(Signal::KILL);
        family
    };
    let (outcome, family) = tokio::join!(named(&lane, "/sleep?ms=3600000", "lost"), killed);
    outcome.unwrap_err();
    lane.wait_for_exit();
    until("gone", || !family.iter().any(|process| process.is_alive())).await;
    // The first thread of a process can have ended before another one, which still has the sockets. That the ports
    // can be bound proves nothing: another program may have one of them by now, even a client.
    let are_left = || {
        let all = listeners("/proc/self/net/tcp");
        sockets.keys().any(|socket| all.contains_key(socket))
    };
    until("closed", || !are_left()).await;
}
