//! Large bodies. nginx writes megabytes of a body to a lane before it reads that the lane is busy, so it
//! asks for a slot first, with everything of the request but its body. A lane that has one keeps it for a
//! moment, under a token; the request that comes with its body and the token takes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::headers::{X_LANE_HOLD_MS, new_id, text};
use super::problem::Reason;
use crate::gate::Permit;

/// The body is not there yet.
const X_LANE_ASK: &str = "x-lane-ask";

/// Names a slot that is kept: to nginx, and from it.
const X_LANE_TOKEN: &str = "x-lane-token";

/// The reason of no problem, but of a hop like [`BUSY`](super::problem::BUSY): the request comes again.
pub(super) const ASKED: &str = "asked";

/// How long a slot is kept. nginx has the body already and needs 250 ms at most to connect; the rest is
/// for machines that are slow.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// What of a request has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, at once.
    Whole,
    /// All but the body.
    Head,
    /// All of it, after a lane gave this token to its head.
    Rest(String),
}

impl Part {
    /// Only a balancer sends a request in parts.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(X_LANE_HOLD_MS) {
            return Self::Whole;
        }
        match text(headers, X_LANE_TOKEN) {
            Some(token) => Self::Rest(token.to_owned()),
            None if headers.contains_key(X_LANE_ASK) => Self::Head,
            None => Self::Whole,
        }
    }

    /// Where nginx goes on with it if this lane is busy, unless nginx itself says so.
    pub(super) fn usual_next_round(&self) -> &'static str {
        match self {
            Self::Whole => "@next_lane",
            Self::Head | Self::Rest(_) => "@ask",
        }
    }
}

/// The slots that are kept, by token. No more than there are slots.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<HashMap<String, Permit>>>);

impl Kept {
    fn keep(&self, token: String, permit: Permit) {
        self.0.lock().insert(token.clone(), permit);
        let kept = self.clone();
        actix_rt::spawn(async move {
            sleep(KEPT_FOR).await;
            if let Some(permit) = kept.take(&token) {
                permit.give_back();
            }
        });
    }

    /// The slot that is kept under this token, unless that is too long ago.
    pub(super) fn take(&self, token: &str) -> Option<Permit> {
        self.0.lock().remove(token)
    }
}

/// Tells nginx to send the body, for which there is this slot. Without `kept` it is not certain that this
/// process gets the body, so the slot is free again at once.
pub(super) fn send_the_rest(kept: Option<&Kept>, permit: Permit) -> HttpResponse {
    let token = new_id();
    let mut response = HttpResponse::NoContent()
        .insert_header(("X-Accel-Redirect", "@send"))
        .insert_header((X_LANE_TOKEN, token.as_str()))
        .finish();
    response.extensions_mut().insert(Reason(ASKED));
    match kept {
        Some(kept) => kept.keep(token, permit),
        None => permit.give_back(),
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use actix_web::test::TestRequest;

    use super::*;
    use crate::gate::{Gate, Place, Visitor};

    fn part(headers: &[(&'static str, &'static str)]) -> Part {
        let request = TestRequest::default();
        let request = headers
            .iter()
            .fold(request, |request, header| request.insert_header(*header));
        Part::of(request.to_http_request().headers())
    }

    #[test]
    fn only_who_holds_requests_sends_them_in_parts() {
        let hold = (X_LANE_HOLD_MS, "5");
        let (ask, token) = ((X_LANE_ASK, "1"), (X_LANE_TOKEN, "t"));
        assert_eq!(part(&[ask]), Part::Whole);
        assert_eq!(part(&[token]), Part::Whole);
        assert_eq!(part(&[hold]), Part::Whole);
        assert_eq!(part(&[hold, ask]), Part::Head);
        assert_eq!(part(&[hold, token]), Part::Rest("t".to_owned()));
    }

    async fn permit(gate: &Gate) -> Permit {
        let visitor = Visitor {
            request_id: "id".to_owned(),
            arrived: Instant::now(),
            patience: Duration::from_mins(1),
            place: Place::New,
            goes_on: false,
        };
        gate.enter(visitor).await.expect("a slot")
    }

    #[actix_web::test]
    async fn a_slot_is_taken_once_and_by_its_token_alone() {
        let (gate, kept) = (Gate::new(1, 1), Kept::default());
        kept.keep("token".to_owned(), permit(&gate).await);
        assert!(kept.take("another").is_none());
        let taken = kept.take("token");
        assert!(taken.is_some() && kept.take("token").is_none());
        drop(taken);
        assert_eq!(gate.snapshot().slots[0].served, 1);
    }

    #[actix_web::test]
    async fn a_slot_that_nobody_takes_goes_to_the_next_and_counts_for_nothing() {
        let (gate, kept) = (Gate::new(1, 1), Kept::default());
        kept.keep("token".to_owned(), permit(&gate).await);
        let next = permit(&gate).await;
        assert!(kept.take("token").is_none());
        assert_eq!(gate.snapshot().slots[0].served, 0);
        assert_eq!(gate.mean_service(), None);
        drop(next);
        assert_eq!(gate.snapshot().slots[0].served, 1);
    }

    #[actix_web::test]
    async fn a_slot_that_may_not_be_kept_is_free_at_once() {
        let gate = Gate::new(1, 1);
        let response = send_the_rest(None, permit(&gate).await);
        assert!(response.headers().contains_key(X_LANE_TOKEN));
        let slot = &gate.snapshot().slots[0];
        assert!(slot.holder.is_none() && slot.served == 0);
    }
}
