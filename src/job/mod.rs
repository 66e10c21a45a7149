//! A job: one workload with one input, ready to be computed.
//!
//! [`Workload`] is what a user of the template implements. [`Definition`] is the same thing with its
//! types erased, so that routes, executors and other processes can handle every workload
//! alike. This module computes nothing and knows nothing of HTTP.

mod input;
mod interrupt;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use input::{InvalidInput, at_most};
pub use interrupt::{Interrupt, Interrupted, RaiseOnDrop};

/// A function that is worth a lane: pure, blocking, and polite enough to look at its interrupt.
pub trait Workload {
    /// Its name in metrics and logs.
    const NAME: &'static str;
    /// Where it is served.
    const ROUTES: &'static [Route];
    /// What a caller sends: the fields of the query string, or of a JSON object in a POST.
    type Input: DeserializeOwned + Serialize;
    /// What the caller gets back, as a JSON object.
    type Output: Serialize;

    /// Computes the answer. A loop calls [`Interrupt::check`] often enough (every millisecond or
    /// so) and passes its error on: that is how a client that left frees the lane.
    fn run(input: Self::Input, interrupt: &Interrupt) -> Result<Self::Output, Interrupted>;
}

/// One path of a workload.
#[derive(Debug)]
pub struct Route {
    /// The path, exactly as requested.
    pub path: &'static str,
    /// The query string that stands in where a request brings no input of its own.
    pub preset: &'static str,
}

impl Route {
    /// A path whose caller names every input.
    pub const fn new(path: &'static str) -> Self {
        Self::with_preset(path, "")
    }

    /// A path that has an answer even without input.
    pub const fn with_preset(path: &'static str, preset: &'static str) -> Self {
        Self { path, preset }
    }
}

/// A [`Workload`] with its types erased: inputs and outputs are JSON values.
#[derive(Debug)]
pub struct Definition {
    /// [`Workload::NAME`].
    pub name: &'static str,
    /// [`Workload::ROUTES`].
    pub routes: &'static [Route],
    parse_query: fn(&str) -> Result<Value, InvalidInput>,
    parse_json: fn(&[u8]) -> Result<Value, InvalidInput>,
    run: fn(Value, &Interrupt) -> Result<Value, Interrupted>,
}

impl Definition {
    /// The erased form of `W`.
    pub const fn of<W: Workload>() -> Self {
        Self {
            name: W::NAME,
            routes: W::ROUTES,
            parse_query: input::from_query::<W::Input>,
            parse_json: input::from_json::<W::Input>,
            run: run_erased::<W>,
        }
    }

    /// A job from a query string; the error names the field that is wrong.
    pub fn job_from_query(&'static self, query: &str) -> Result<Job, InvalidInput> {
        Ok(self.job((self.parse_query)(query)?))
    }

    /// A job from a JSON document; the error names the field that is wrong.
    pub fn job_from_json(&'static self, json: &[u8]) -> Result<Job, InvalidInput> {
        Ok(self.job((self.parse_json)(json)?))
    }

    fn job(&'static self, input: Value) -> Job {
        Job {
            workload: self,
            input,
        }
    }
}

fn run_erased<W: Workload>(input: Value, interrupt: &Interrupt) -> Result<Value, Interrupted> {
    let input = serde_json::from_value(input).expect("a job's input was parsed as this very type");
    let output = W::run(input, interrupt)?;
    Ok(serde_json::to_value(output).expect("an output of plain data always serialises"))
}

/// One request's work. Its input has been checked: computing it can only succeed or be interrupted.
#[derive(Debug)]
pub struct Job {
    /// What to compute.
    pub workload: &'static Definition,
    input: Value,
}

impl Job {
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
    pub fn unpack(self, workloads: &'static [Definition]) -> Option<Job> {
        let mut known = workloads.iter();
        let workload = known.find(|workload| workload.name == self.workload)?;
        Some(workload.job(self.input))
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
