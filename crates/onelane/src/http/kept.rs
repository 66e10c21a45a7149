//! Large bodies. nginx writes megabytes of a body to a lane before it reads that the lane is busy, so it
//! asks for a slot first, with everything of the request but its body. A lane that has one keeps it for a
//! moment, under a token; the request that comes with its body and the token takes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::portion::X_LANE_TOKEN;
use super::reason::{ASKED, ResponseReason};
use crate::gate::Permit;
use crate::trace::random_id;

/// How long a slot is kept. nginx has the body already and needs 250 ms at most to connect; the rest is
/// for machines that are slow.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// The slots that are kept, by token. No more than there are slots.
#[derive(Debug, Clone, Default)]
pub struct KeptSlots(Arc<Mutex<HashMap<String, Permit>>>);

impl KeptSlots {
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
pub(super) fn send_the_rest(kept: Option<&KeptSlots>, permit: Permit) -> HttpResponse {
    let token = random_id();
    let mut response = HttpResponse::NoContent()
        .insert_header(("X-Accel-Redirect", "@send"))
        .insert_header((X_LANE_TOKEN, token.as_str()))
        .finish();
    response.extensions_mut().insert(ResponseReason(ASKED));
    match kept {
        Some(kept) => kept.keep(token, permit),
        None => permit.give_back(),
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::gate::{Gate, QueuePlace, Visitor};

    async fn permit(gate: &Gate) -> Permit {
        let visitor = Visitor {
            request_id: "id".to_owned(),
            arrived: Instant::now(),
            patience: Duration::from_mins(1),
            place: QueuePlace::New,
            goes_on: false,
        };
        gate.enter(visitor).await.expect("a slot")
    }

    #[actix_web::test]
    async fn a_slot_is_taken_once_and_by_its_token_alone() {
        let (gate, kept) = (Gate::new(1, 1), KeptSlots::default());
        kept.keep("token".to_owned(), permit(&gate).await);
        assert!(kept.take("another").is_none());
        let taken = kept.take("token");
        assert!(taken.is_some() && kept.take("token").is_none());
        drop(taken);
        assert_eq!(gate.snapshot().slots[0].served, 1);
    }

    #[actix_web::test]
    async fn a_kept_slot_that_no_request_takes_goes_to_the_next_request_and_is_not_counted() {
        let (gate, kept) = (Gate::new(1, 1), KeptSlots::default());
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
