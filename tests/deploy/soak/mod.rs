//! Whatever may happen to lanes and to nginx, in random order, while clients ask; and then the books have to
//! add up. `make soak` goes on for ten minutes.

// What happens to a lane, or to nginx.
mod chaos;
// Clients that ask on and on.
mod clients;
// What clients were told, and what nginx and the lanes say of the same requests.
mod books;

use std::time::{Duration, Instant};

use onelane_stack::{Compose, Lane, eventually, say};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{SeedableRng, random};

use books::Books;
use chaos::Chaos;
use clients::Clients;

/// With one of them disturbed, the others have room for all clients.
const LANES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn after_everything_that_happens_to_lanes_and_nginx_the_books_add_up() {
    let mode = std::env::var("MODE").unwrap_or_default();
    let Some(stack) = Compose::up_as(&mode, LANES).await else {
        return;
    };
    let seed = number("SOAK_SEED").unwrap_or_else(random);
    say(&format!("SOAK_SEED={seed} repeats the order"));
    let mut random = StdRng::seed_from_u64(seed);
    let end = Instant::now() + Duration::from_secs(number("SOAK_SECONDS").unwrap_or(0));
    let log = stack.follow_log();
    let clients = Clients::start(&stack.base);

    // At least once each.
    loop {
        let mut all = Chaos::ALL;
        all.shuffle(&mut random);
        for chaos in all {
            chaos.happen(&stack, &clients, &mut random).await;
            all_ready(&stack).await;
        }
        if Instant::now() >= end {
            break;
        }
    }

    let told = clients.stop().await;
    all_idle(&stack).await;
    let log = stack.down(log).await;
    Books { told, log }.check();
}

/// A setting of a soak.
fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not {value:?}")),
    )
}

async fn all_ready(stack: &Compose) {
    eventually("lanes that are ready", async || {
        let lanes = stack.lanes().await;
        for lane in &lanes {
            if !lane.is_ready().await {
                return None;
            }
        }
        (lanes.len() == LANES).then_some(())
    })
    .await;
}

/// Neither lanes nor nginx have anything left of any request.
async fn all_idle(stack: &Compose) {
    for lane in stack.lanes().await {
        eventually("an idle lane", async || is_idle(&lane).await.then_some(())).await;
    }
    let nginx = stack.nginx().await;
    eventually("two workers and no connection but this one", async || {
        let processes = nginx.processes().await;
        let workers = processes
            .iter()
            .filter(|title| title.starts_with("nginx: worker"));
        let counters = nginx.run("curl --silent localhost:8081/stub_status").await;
        (workers.count() == 2 && counters.starts_with("Active connections: 1 ")).then_some(())
    })
    .await;
}

async fn is_idle(lane: &Lane) -> bool {
    let status = lane.probe("/status").await.json;
    let slots = status["slots"].as_array().expect("a list");
    status["queue"]["depth"] == 0 && slots.iter().all(|slot| slot["state"] != "busy")
}
