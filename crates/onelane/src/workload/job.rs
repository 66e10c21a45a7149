//! A job: one workload with one input, ready to be computed here or in another process.

use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Call, Definition, InvalidInput, Prepared, Source, Stop};

/// One request's work. Its input has been checked.
pub struct Job {
    /// What to compute.
    pub workload: &'static Definition,
    source: Source,
    prepared: Prepared,
}

impl Job {
    pub(super) fn new(workload: &'static Definition, source: Source, prepared: Prepared) -> Self {
        Self {
            workload,
            source,
            prepared,
        }
    }

    /// Computes the answer on the calling thread.
    pub fn run(self, call: &Call) -> Result<Map<String, Value>, Stop> {
        (self.prepared)(call)
    }

    /// The same for another process, which is to know of the request what a [`Call`] tells.
    pub fn pack(self, request_id: String, limit: Duration) -> Parcel {
        Parcel {
            workload: self.workload.name.to_owned(),
            source: self.source,
            request_id,
            limit,
        }
    }
}

impl Debug for Job {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut job = formatter.debug_struct("Job");
        job.field("workload", &self.workload);
        job.field("source", &self.source).finish_non_exhaustive()
    }
}

/// A [`Job`] on its way to another process of the same program.
#[derive(Debug, Serialize, Deserialize)]
pub struct Parcel {
    workload: String,
    source: Source,
    request_id: String,
    limit: Duration,
}

impl Parcel {
    /// The job and its request. The error is for what no process of this program sends.
    pub fn unpack(self, workloads: &[&'static Definition]) -> Result<(Job, Call), InvalidInput> {
        let mut known = workloads.iter();
        let workload = known.find(|workload| workload.name == self.workload);
        let workload = workload.ok_or_else(|| InvalidInput::unknown(&self.workload))?;
        let job = workload.job(self.source)?;
        Ok((job, Call::new(self.request_id, self.limit)))
    }
}

/// What a job came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The workload's output.
    pub fields: Map<String, Value>,
    /// How long the computation itself took.
    pub compute: Duration,
    /// The process that computed it.
    pub pid: u32,
}
