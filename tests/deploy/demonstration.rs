//! The demonstration of `src/workload/prime.rs`, which may be deleted: then there is nothing to show.

use onelane_stack::{Local, client, get, in_background, say};

/// A prime that takes 2·10⁹ divisions, some seconds, to be recognised.
const BIG: &str = "/prime?number=29355126551";
const SMALL: &str = "/prime?number=7";

#[tokio::test]
async fn a_big_prime_does_not_keep_7_waiting() {
    let stack = Local::up(2).await;
    if get(format!("{}{SMALL}", stack.base)).await.status == 404 {
        return say("SKIPPED a test: this service has no /prime, so it shows no prime numbers");
    }
    let big = in_background(client().get(format!("{}{BIG}", stack.base)));

    // At least the later ones come when the big one runs.
    for _ in 0..10 {
        let small = get(format!("{}{SMALL}", stack.base)).await;
        assert_eq!((small.status, &small.json["prime"]), (200, &true.into()));
    }

    assert!(!big.is_finished(), "7 waited");
    let big = big.await.unwrap();
    assert_eq!((big.status, &big.json["prime"]), (200, &true.into()));
}
