//! What an executor is told of a job beside what to compute.

use std::sync::Arc;
use std::time::Duration;

use crate::folder::FolderPlace;
use crate::trace::{Spans, TraceContext};
use crate::workload::Record;

/// Which request a job is computed for, where, and for how long.
#[derive(Debug)]
pub struct Ticket {
    /// The slot that is taken for it.
    pub slot: usize,
    /// Names the request in the status.
    pub request_id: String,
    /// The place of the request in a trace.
    pub trace: TraceContext,
    /// What is recorded of the computation.
    pub spans: Spans,
    /// The longest that the computation may take, including a wait for its process.
    pub limit: Duration,
    /// Where the files of the request are to be.
    pub folder: FolderPlace,
    /// Where what the workload records goes to.
    pub record: Arc<dyn Record>,
}
