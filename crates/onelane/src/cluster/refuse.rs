//! Refusals by the parent. It takes a connection out of the kernel's queue and answers 503, through the
//! same routes as a worker, so that refused requests are labelled, logged and counted like all others.

use std::net::TcpListener;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::connection::{self, Serve};
use crate::assembly;
use crate::config::Settings;
use crate::gate::Refusal;
use crate::http::{Estimate, Witness};
use crate::metrics::Metrics;
use crate::service::Service;

/// Answers every request with the same refusal.
#[derive(Clone)]
pub(super) struct Refuser(Serve);

impl Refuser {
    /// A refuser with this `refusal`, for the current thread.
    pub(super) async fn new(
        service: &'static Service,
        settings: &Settings,
        metrics: &Arc<Metrics>,
        refusal: Refusal,
        estimated_wait: Estimate,
    ) -> Self {
        let front = assembly::refusing_front(service, settings, refusal, metrics, estimated_wait);
        Self(connection::service(front, Witness::none()).await)
    }

    /// Takes up to `count` connections out of the queue, the oldest first, and refuses them. Returns how
    /// many it took.
    pub(super) fn refuse(&self, listener: &TcpListener, count: usize) -> u64 {
        let mut refused = 0;
        for _ in 0..count {
            // Accepting does not block: a worker may have taken the connection first.
            let Ok((stream, _)) = listener.accept() else {
                break;
            };
            refused += 1;
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                actix_rt::spawn((self.0)(stream));
            }
        }
        refused
    }
}
