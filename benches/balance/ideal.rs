//! The ideal: one queue for all lanes, the oldest request first, taken by whichever lane is free
//! (M/G/n, first come first served), and no time lost on the way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::load::Arrival;

/// The response time of each request of `trace`.
pub(crate) fn responses(trace: &[Arrival], lanes: usize) -> impl Iterator<Item = Duration> {
    // When each lane will be free, the soonest on top.
    let mut free_at = BinaryHeap::from(vec![Reverse(Duration::ZERO); lanes]);
    trace.iter().map(move |arrival| {
        let Reverse(free) = free_at
            .pop()
            .expect("a lane comes back for each that is taken");
        let wait = free.saturating_sub(arrival.at);
        let response = wait + Duration::from_millis(arrival.sleep_ms);
        free_at.push(Reverse(arrival.at + response));
        response
    })
}
