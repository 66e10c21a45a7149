//! The queue in front of the workers, and which requests the parent refuses there.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::accept_queue::{AcceptQueue, Queued};
use super::board::Board;
use super::refuse::Refuser;
use crate::assembly;
use crate::config::Settings;
use crate::descriptors::connections_max;
use crate::entrance;
use crate::gate::Refusal;
use crate::http::Room;
use crate::metrics::Metrics;
use crate::service::Service;
#[cfg(feature = "otlp")]
use crate::tracer::Tracer;

/// The parent's part of the listening socket.
pub(super) struct Door {
    listener: TcpListener,
    queue: AcceptQueue,
    queue_max: usize,
    queue_timeout: Duration,
    /// How many were too many at the last look. They are refused only if they still are at the next one:
    /// a worker that has just become idle may take them first.
    surplus: usize,
    /// Whether the last look failed. Only the first failure in a row is logged.
    is_blind: bool,
    early: Refuser,
    full: Refuser,
    late: Refuser,
    closed: Refuser,
    board: Board,
    /// Of all of them.
    #[cfg(feature = "otlp")]
    tracer: Tracer,
    /// For the connections that are being refused.
    room: Rc<Room>,
}

impl Door {
    /// A door with an open queue behind it.
    pub(super) async fn new(
        service: &'static Service,
        settings: &Settings,
        metrics: &Arc<Metrics>,
        listener: TcpListener,
        board: &Board,
    ) -> io::Result<Self> {
        let room = Room::new(connections_max(0));
        let tracer = assembly::tracer(service, settings, metrics);
        let refuser = |refusal| {
            let board = board.clone();
            let estimated_wait = Box::new(move || board.estimated_wait());
            let room = room.clone();
            let counted = (metrics, tracer.clone());
            Refuser::new(service, settings, counted, refusal, estimated_wait, room)
        };
        Ok(Self {
            queue: AcceptQueue::of(&listener)?,
            listener,
            queue_max: settings.queue_max as usize,
            queue_timeout: settings.queue_timeout,
            surplus: 0,
            is_blind: false,
            early: refuser(Refusal::Starting).await,
            full: refuser(Refusal::Full).await,
            late: refuser(Refusal::TimedOut).await,
            closed: refuser(Refusal::Closed).await,
            board: board.clone(),
            #[cfg(feature = "otlp")]
            tracer,
            room,
        })
    }

    /// Refuses requests that have waited too long, and those beyond `queue_max`.
    pub(super) fn control(&mut self) {
        let mut queued = self.look();
        while queued.oldest_wait > Some(self.queue_timeout) {
            if self.refuse(&self.late, 1) == 0 {
                break;
            }
            queued = self.look();
        }
        // A connection that an idle worker is about to take does not count as waiting.
        let room = self.queue_max + self.board.idle();
        let surplus = queued.depth.saturating_sub(room);
        let before = std::mem::replace(&mut self.surplus, surplus);
        self.refuse(&self.full, surplus.min(before));
    }

    /// Refuses every request in the queue, because no worker is there yet.
    pub(super) fn not_yet(&mut self) {
        let queued = self.look();
        self.refuse(&self.early, queued.depth);
    }

    /// Refuses every request in the queue for which there is room, because no worker is there any more. Returns how
    /// many.
    pub(super) fn turn_away(&mut self) -> u64 {
        self.look();
        self.refuse(&self.closed, usize::MAX)
    }

    /// Takes no new connections, and returns when those that are here have been refused.
    pub(super) async fn empty(&mut self) {
        entrance::close(&self.listener).await;
        loop {
            self.room.vacancy().await;
            if self.turn_away() == 0 {
                break;
            }
        }
        for refuser in [&self.early, &self.full, &self.late, &self.closed] {
            refuser.idle().await;
        }
    }

    /// Waits until the spans of what was refused are exported, for so long.
    #[cfg(feature = "otlp")]
    pub(super) async fn export(&self, limit: Duration) {
        self.tracer.finish(limit).await;
    }

    /// Looks at the queue. If that fails it counts as empty, so that nothing is refused by mistake.
    fn look(&mut self) -> Queued {
        let queued = self.queue.look(self.board.taken());
        let was_blind = std::mem::replace(&mut self.is_blind, queued.is_err());
        let queued = queued.unwrap_or_else(|err| {
            if !was_blind {
                tracing::error!(%err, "the length of the queue is unknown");
            }
            Queued::default()
        });
        self.board.queued(queued);
        queued
    }

    /// Refuses the oldest connections, and tells the board how many left the queue.
    fn refuse(&self, refuser: &Refuser, at_most: usize) -> u64 {
        let count = refuser.refuse(&self.listener, at_most);
        self.board.refused(count);
        count
    }
}
