//! What a caller or a balancer asks for by the headers of a request: how long it may wait, and where.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

use super::front::Front;
use super::headers::{X_LANE_HOLD_MS, text};
use super::problem::HttpProblem;
use crate::gate::QueuePlace;

/// Whether the request asks to be let into a queue (`ask`), or has been let into one (`has`).
const X_LANE_PLACE: &str = "x-lane-place";

/// Which balancer this is, by a name that no other one has.
const X_LANE_FROM: &str = "x-lane-from";

/// No balancer lets a request wait so much longer than a lane does. One that seems to have waited for so long is not late:
/// a clock is off.
const NO_WAIT: Duration = Duration::from_mins(1);

/// The largest `X-Timeout`. What is more is a mistake, and no number of seconds.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

/// What the headers of a request ask for.
#[derive(Debug)]
pub(super) struct Wishes {
    /// `X-Request-Start: t=<seconds.millis>`: when the balancer got the request. Never later than
    /// now, and never longer ago than a request may wait: a clock that is off cannot do worse.
    pub(super) arrived: Instant,
    /// How long it may still wait for a slot, here or elsewhere.
    pub(super) queue_left: Duration,
    /// What a balancer wants. None is a client of a lane alone.
    pub(super) hold: Option<Hold>,
    /// Whether the balancer takes the request to another lane if it gets no slot here.
    pub(super) goes_on: bool,
    /// `X-Timeout: <seconds>`: how long the caller lets it compute; never longer than we do.
    pub(super) compute_limit: Duration,
}

/// How a balancer lets a request wait here before it tries elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    /// `X-Lane-Hold-Ms`.
    pub(super) time: Duration,
    /// `X-Lane-Place`.
    pub(super) place: QueuePlace,
}

impl Hold {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let ms = text(headers, X_LANE_HOLD_MS)?.parse().ok()?;
        let place = match (ms, text(headers, X_LANE_PLACE).unwrap_or_default()) {
            (_, "ask") => QueuePlace::New,
            (0, _) => QueuePlace::None,
            (_, "has") => QueuePlace::Exchanged,
            // It wants to wait, and so asks for it.
            _ => QueuePlace::New,
        };
        Some(Self {
            time: Duration::from_millis(ms),
            place,
        })
    }

    /// Whether the request has only just come: every one begins like this, before it waits anywhere.
    fn begins(self) -> bool {
        self.time.is_zero()
    }

    /// Whether a request with so much time left goes to another lane if it gets no slot here. Not if its time
    /// is over by then, unless `queue_timeout` is 0.
    fn goes_on(self, queue_left: Duration, front: &Front) -> bool {
        let begins = self.begins() && front.clocks.is_some();
        begins || self.time < queue_left || front.queue_timeout.is_zero()
    }
}

impl Wishes {
    pub(super) fn of(request: &HttpRequest, front: &Front) -> Result<Self, HttpProblem> {
        let headers = request.headers();
        let hold = Hold::of(headers);
        let age = age(headers, hold, front);
        let queue_left = if age > front.queue_timeout + NO_WAIT {
            front.queue_timeout
        } else {
            front.queue_timeout.saturating_sub(age)
        };
        let age = age.min(front.queue_timeout);
        let now = Instant::now();
        Ok(Self {
            arrived: now.checked_sub(age).unwrap_or(now),
            queue_left,
            hold,
            goes_on: hold.is_some_and(|hold| hold.goes_on(queue_left, front)),
            compute_limit: match headers.get("x-timeout") {
                None => front.request_timeout,
                Some(value) => value
                    .to_str()
                    .ok()
                    .and_then(positive_seconds)
                    .filter(|timeout| *timeout <= LONGEST)
                    .ok_or_else(|| {
                        let detail = "X-Timeout: must be a number of seconds above 0, and at most 1000000000";
                        HttpProblem::BadRequest(detail.to_owned())
                    })?
                    .min(front.request_timeout),
            },
        })
    }
}

/// How long ago its balancer got the request, if it says so.
fn age(headers: &HeaderMap, hold: Option<Hold>, front: &Front) -> Duration {
    let start = text(headers, "x-request-start").and_then(|value| value.strip_prefix("t="));
    let Some(start) = start.and_then(positive_seconds) else {
        return Duration::ZERO;
    };
    let elapsed = now_since_epoch().as_secs_f64() - start.as_secs_f64();
    let balancer = text(headers, X_LANE_FROM).unwrap_or_default();
    match (hold, &front.clocks) {
        (Some(hold), Some(clocks)) if hold.begins() => clocks.at_first(balancer, elapsed),
        (Some(_), Some(clocks)) => clocks.later(balancer, elapsed, front.queue_timeout),
        // One can only believe it.
        (None, _) | (_, None) => Duration::try_from_secs_f64(elapsed).unwrap_or_default(),
    }
}

/// Any number above 0, as long as a duration can be: the smallest are a nanosecond.
fn positive_seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    (seconds > 0.0).then_some(duration.max(Duration::from_nanos(1)))
}

fn now_since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
