//! What every request needs: one of these for the whole server.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::sync::{Notify, watch};

use super::clocks::Clocks;
use super::headers;
use super::kept::KeptSlots;
use super::portion::Portion;
use crate::config::Origins;
use crate::executor::Executor;
use crate::folder::Folders;
use crate::gate::{Gate, Permit, Refusal};
use crate::metrics::Metrics;
use crate::page::Page;
use crate::service::Service;
use crate::tracer::Tracer;

/// How long a request that comes now would wait, judged by recent ones.
pub type Estimate = Box<dyn Fn() -> Duration + Send + Sync>;

/// What every request needs.
pub struct Front {
    /// What there is to ask.
    pub service: &'static Service,
    /// The same for people.
    pub page: Page,
    /// Who may compute now, and where.
    pub admission: Admission,
    /// Slots for requests whose bodies are on their way. None where another process may get them: those
    /// of a cluster share a port.
    pub kept: Option<KeptSlots>,
    /// Where requests have their files.
    pub folders: Folders,
    /// What happened, in numbers.
    pub metrics: Arc<Metrics>,
    /// Which requests are traced, and where to.
    pub tracer: Tracer,
    /// How the clocks of balancers differ from ours. None where requests wait before the server sees them: in
    /// the kernel's queue, in front of a cluster.
    pub clocks: Option<Clocks>,
    /// How many may wait for a slot.
    pub queue_max: u32,
    /// Longest wait for a slot, from the request's arrival.
    pub queue_timeout: Duration,
    /// Longest computation.
    pub request_timeout: Duration,
    /// Longest time to hand an answer over.
    pub send_timeout: Duration,
    /// Told when that time was over and a connection is to break.
    pub cut: Notify,
    /// Whether this server leaves: then each connection ends with the answer it is waiting for, or at once.
    /// Each of them has a receiver of this.
    pub leaving: watch::Sender<bool>,
    /// For `Retry-After`.
    pub estimated_wait: Estimate,
    /// Sites whose pages may read answers.
    pub cors_origins: Origins,
    /// The name of this machine or container, and the number of this process.
    pub served_by: HeaderValue,
}

/// What becomes of a job.
pub enum Admission {
    /// It is computed when the gate lets it in.
    Open {
        /// Who may compute now.
        gate: Gate,
        /// Where it is computed.
        executor: Arc<Executor>,
    },
    /// It is not computed here, because of this.
    Refused(Refusal),
}

impl Front {
    /// Has the kernel reset this connection when its client neither reads nor leaves. By then its answer was
    /// taken away long ago, but nothing here can close a connection that has more to say.
    pub fn give_up_in_the_end(&self, connection: &impl AsFd) {
        let limit = self.send_timeout.max(self.request_timeout) + Duration::from_secs(1);
        let milliseconds = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        // Where this cannot be had, such a connection stays longer, and takes no slot.
        set_tcp_user_timeout(connection, milliseconds).ok();
    }

    /// Has every connection end as soon as nothing is lost by it.
    pub fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// The slot that is kept for a request of which this has come.
    pub(super) fn kept(&self, portion: &Portion) -> Option<Permit> {
        match portion {
            Portion::Rest(token) => self.kept.as_ref()?.take(token),
            Portion::Whole | Portion::Head => None,
        }
    }

    /// The seconds for a `Retry-After`.
    pub(super) fn retry_after(&self) -> u64 {
        headers::retry_after((self.estimated_wait)())
    }
}
