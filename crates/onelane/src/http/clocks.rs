//! How long a request has been with its balancer. The balancer's clock need not agree with ours.
//!
//! Every request begins with a look at some lanes, which takes milliseconds. Whatever our clock says of the
//! request's age then is the difference between the clocks. So each look tells what to subtract from the
//! ages of the requests that the same balancer has us hold later.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

/// Several times as many balancers as a deployment has. Beyond it all are forgotten: the next look tells
/// again.
const BALANCERS_MAX: usize = 64;

/// A look, with what it may meet on its way: a lane that does not answer takes 250 ms.
const LOOK_MAX: f64 = 0.75;

/// By how much our clock is ahead, for each balancer, in seconds.
#[derive(Debug, Default)]
pub struct Clocks(Mutex<HashMap<String, f64>>);

impl Clocks {
    /// The age of a request that has only just come, `elapsed` seconds after its balancer got it, if one compares
    /// its clock with ours.
    pub(super) fn at_first(&self, balancer: &str, elapsed: f64) -> Duration {
        let mut ahead = self.0.lock();
        if let Some(known) = ahead.get_mut(balancer) {
            *known = elapsed;
        } else {
            if ahead.len() >= BALANCERS_MAX {
                ahead.clear();
            }
            ahead.insert(balancer.to_owned(), elapsed);
        }
        plausible(elapsed, LOOK_MAX)
    }

    /// The age of one for which lanes were looked at before. They let it wait until it is as old as
    /// `queue_timeout`, so that it is hardly older: if it seems to be, a clock was set since the last look.
    pub(super) fn later(&self, balancer: &str, elapsed: f64, queue_timeout: Duration) -> Duration {
        let ahead = self.0.lock().get(balancer).copied();
        let age = elapsed - ahead.unwrap_or_default();
        plausible(age, queue_timeout.as_secs_f64() + LOOK_MAX)
    }
}

/// This age, or none at all where it cannot be: that costs the request its turn for a while, and nothing
/// else.
fn plausible(age: f64, most: f64) -> Duration {
    if age > most {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(age).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn clocks_that_agree_tell_the_age() {
        let clocks = Clocks::default();
        assert_eq!(clocks.at_first("a", 0.25).as_millis(), 250);
        assert_eq!(clocks.later("a", 4.25, TIMEOUT).as_millis(), 4000);
    }

    #[test]
    fn a_clock_that_is_off_is_seen_through_whichever_way() {
        for off in [-3600.0, -15.0, 15.0, 3600.0] {
            let clocks = Clocks::default();
            assert_eq!(clocks.at_first("a", off), Duration::ZERO);
            assert_eq!(clocks.later("a", off + 4.0, TIMEOUT).as_secs(), 4);
        }
    }

    #[test]
    fn each_balancer_has_a_clock_of_its_own_and_a_new_one_is_believed_what_can_be() {
        let clocks = Clocks::default();
        clocks.at_first("a", 15.0);
        assert_eq!(clocks.later("b", 4.0, TIMEOUT).as_secs(), 4);
        for off in [-15.0, 11.0, f64::INFINITY, f64::NAN] {
            assert_eq!(clocks.later("b", off, TIMEOUT), Duration::ZERO, "{off}");
        }
    }

    #[test]
    fn a_clock_that_is_set_while_requests_wait_makes_them_young_and_not_late() {
        let clocks = Clocks::default();
        clocks.at_first("a", 0.0);
        for step in [-3600.0, 3600.0] {
            assert_eq!(clocks.later("a", step + 4.0, TIMEOUT), Duration::ZERO);
        }
        clocks.at_first("a", 3600.0);
        assert_eq!(clocks.later("a", 3605.0, TIMEOUT).as_secs(), 5);
    }

    #[test]
    fn names_without_end_are_forgotten() {
        let clocks = Clocks::default();
        for name in 0..1000 {
            clocks.at_first(&name.to_string(), 0.0);
        }
        assert!(clocks.0.lock().len() <= BALANCERS_MAX);
    }
}
