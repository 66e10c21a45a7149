//! Refusals by the parent. It takes a connection out of the kernel's queue and answers 503, through the
//! same routes as a worker, so that refused requests are labelled, logged and counted like all others.

use std::iter;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::web;

use super::connection;
use crate::assembly;
use crate::config::Settings;
use crate::entrance;
use crate::gate::Refusal;
use crate::http::{Estimate, Front, Room, Serve, Witness};
use crate::metrics::Metrics;
use crate::service::Service;
use crate::tracer::Tracer;

/// Answers every request with the same refusal.
pub(super) struct Refuser {
    front: web::Data<Front>,
    serve: Serve,
    room: Rc<Room>,
}

impl Refuser {
    /// A refuser with this `refusal`, for the current thread.
    pub(super) async fn new(
        service: &'static Service,
        settings: &Settings,
        counted: (&Arc<Metrics>, Tracer),
        refusal: Refusal,
        estimated_wait: Estimate,
        room: Rc<Room>,
    ) -> Self {
        let front = assembly::refusing_front(service, settings, refusal, counted, estimated_wait);
        let serve = connection::service(front.clone(), Witness::none(), room.clone()).await;
        Self { front, serve, room }
    }

    /// Returns when every connection that was taken has been refused.
    pub(super) async fn idle(&self) {
        self.front.leaving.closed().await;
    }

    /// Takes up to `count` connections out of the queue, the oldest first, and refuses them. Returns how
    /// many it took: fewer if there are no more, or if there is no room for them before others have left.
    pub(super) fn refuse(&self, listener: &TcpListener, count: usize) -> u64 {
        let mut refused = 0;
        // A worker may have taken a connection first.
        let next = || {
            if !self.room.has_place() {
                self.room.make_way();
                return None;
            }
            entrance::queued(listener)
        };
        for stream in iter::from_fn(next).take(count) {
            refused += 1;
            actix_rt::spawn((self.serve)(stream));
        }
        refused
    }
}
