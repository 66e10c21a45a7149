//! Answers for connections that no worker gets to: the parent takes them out of the kernel's queue
//! and says 503, through the same routes as everybody else, so that they are labelled, logged and
//! counted like everything else.

use std::net::TcpListener;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::connection::{self, Serve};
use crate::assembly;
use crate::config::Settings;
use crate::gate::Refusal;
use crate::http::Estimate;
use crate::metrics::Metrics;
use crate::service::Service;

/// Says the same to everybody.
#[derive(Clone)]
pub(super) struct Refuser(Serve);

impl Refuser {
    /// One that gives `refusal` as the reason, on the current thread.
    pub(super) async fn new(
        service: &'static Service,
        settings: &Settings,
        metrics: &Arc<Metrics>,
        refusal: Refusal,
        estimated_wait: Estimate,
    ) -> Self {
        let front = assembly::refusing_front(service, settings, refusal, metrics, estimated_wait);
        Self(connection::service(front, async || {}, || {}).await)
    }

    /// Takes up to `count` connections out of the queue, the oldest first, and refuses them.
    /// Returns how many there were.
    pub(super) fn refuse(&self, listener: &TcpListener, count: usize) -> u64 {
        let mut refused = 0;
        for _ in 0..count {
            // The socket does not block: a worker may have been faster.
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
