//! A job: one workload with one input, ready to be computed here or in another process.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Definition, Interrupt, Interrupted};

/// One request's work. Its input has been checked: computing it can only succeed or be interrupted.
#[derive(Debug)]
pub struct Job {
    /// What to compute.
    pub workload: &'static Definition,
    input: Value,
}

impl Job {
    pub(super) fn new(workload: &'static Definition, input: Value) -> Self {
        Self { workload, input }
    }

    /// Computes the answer on the calling thread.
    pub fn run(self, interrupt: &Interrupt) -> Result<Map<String, Value>, Interrupted> {
        Ok(match (self.workload.run)(self.input, interrupt)? {
            Value::Object(fields) => fields,
            other => Map::from_iter([("result".to_owned(), other)]),
        })
    }

    /// The same for another process.
    pub fn pack(self) -> Parcel {
        Parcel {
            workload: self.workload.name.to_owned(),
            input: self.input,
        }
    }
}

/// A [`Job`] on its way to another process of the same program.
#[derive(Debug, Serialize, Deserialize)]
pub struct Parcel {
    workload: String,
    input: Value,
}

impl Parcel {
    /// The job; none if it is for none of these workloads.
    pub fn unpack(self, workloads: &[&'static Definition]) -> Option<Job> {
        let mut known = workloads.iter();
        let workload = known.find(|workload| workload.name == self.workload)?;
        Some(Job::new(workload, self.input))
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
