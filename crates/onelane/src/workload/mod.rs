//! The seam: what a service implements, and what the engine makes of it.
//!
//! [`Workload`] is what the owner of a service writes. [`Definition`] is the same thing with its types
//! erased, so that routes, executors and other processes can handle every workload alike. A [`Job`] is
//! one workload with one input. This module computes nothing and knows nothing of HTTP.

mod input;
mod interrupt;
mod job;
mod route;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use input::{InvalidInput, at_most};
pub use interrupt::{Interrupt, Interrupted};
pub use job::{Answer, Job, Parcel};
pub(crate) use route::in_url;
pub use route::{Example, Route};

/// A function that is worth a lane: pure, blocking, and polite enough to look at its interrupt.
///
/// The example of the [crate] is a whole one.
pub trait Workload {
    /// Its name in metrics and logs. No two workloads of a service have the same.
    const NAME: &'static str;
    /// Where it is served. No two workloads of a service have the same path.
    const ROUTES: &'static [Route];
    /// What a caller sends: the fields of the query string, or of a JSON object in a POST. What it
    /// does not accept is answered with 400 and the name of the field, before the request queues.
    type Input: DeserializeOwned + Serialize;
    /// What the caller gets back, as a JSON object.
    type Output: Serialize;

    /// Computes the answer. A loop calls [`Interrupt::check`] often enough (every millisecond or
    /// so) and passes its error on: that is how a client that left frees the lane.
    fn run(input: Self::Input, interrupt: &Interrupt) -> Result<Self::Output, Interrupted>;
}

/// A [`Workload`] with its types erased: inputs and outputs are JSON values.
#[derive(Debug)]
pub struct Definition {
    /// [`Workload::NAME`].
    pub(crate) name: &'static str,
    /// [`Workload::ROUTES`].
    pub(crate) routes: &'static [Route],
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
    pub(crate) fn job_from_query(&'static self, query: &str) -> Result<Job, InvalidInput> {
        Ok(Job::new(self, (self.parse_query)(query)?))
    }

    /// A job from a JSON document; the error names the field that is wrong.
    pub(crate) fn job_from_json(&'static self, json: &[u8]) -> Result<Job, InvalidInput> {
        Ok(Job::new(self, (self.parse_json)(json)?))
    }
}

fn run_erased<W: Workload>(input: Value, interrupt: &Interrupt) -> Result<Value, Interrupted> {
    let input = serde_json::from_value(input).expect("a job's input was parsed as this very type");
    let output = W::run(input, interrupt)?;
    Ok(serde_json::to_value(output).expect("an output of plain data always serialises"))
}
