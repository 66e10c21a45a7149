//! The seam: what a service implements, and what the engine makes of it.
//!
//! [`Workload`] is what the owner of a service writes. [`Definition`] is the same thing with its types
//! erased, so that routes, executors and other processes can handle every workload alike. A [`Job`] is
//! one workload with one input. This module computes nothing and knows nothing of HTTP.

mod call;
mod input;
mod interrupt;
mod job;
mod problem;
mod route;
#[cfg(feature = "schema")]
mod schemas;
mod stop;

use std::fmt::{self, Debug, Formatter};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use call::Call;
pub use input::{InvalidInput, Source, at_most};
pub(crate) use interrupt::Interrupt;
pub use interrupt::Interrupted;
pub use job::{Answer, Job, Parcel};
pub use problem::{Problem, Reason};
pub(crate) use route::in_url;
pub use route::{Example, Route};
#[cfg(feature = "schema")]
pub use schemas::Schemas;
pub use stop::Stop;

/// A function that is worth a lane: it blocks, and is polite enough to look whether it is still wanted.
///
/// The example of the [crate] is a whole one.
pub trait Workload: Send + Sync + 'static {
    /// Its name in metrics and logs. No two workloads of a service have the same.
    const NAME: &'static str;
    /// Where it is served. No two workloads of a service have the same path.
    const ROUTES: &'static [Route];
    /// The reasons of the problems that it answers with, so that metrics know them from the start. One
    /// that is missing here is an error of the service, 500 for its caller.
    const REASONS: &'static [Reason] = &[];
    /// What a caller sends: the fields of the query string, or of a JSON object in a POST. What it
    /// does not accept is answered with 400 and the name of the field, before the request queues.
    type Input: DeserializeOwned + Send + 'static;
    /// What the caller gets back, as a JSON object.
    type Output: Serialize;

    /// What [`Self::Input`] and [`Self::Output`] look like, for types that derive `schemars::JsonSchema`:
    /// `Some(Schemas::of::<Input, Output>())`. The role `schema` of the program prints it.
    #[cfg(feature = "schema")]
    fn schemas() -> Option<Schemas> {
        None
    }

    /// Computes the answer. A loop calls [`Call::check`] often enough (every millisecond or so) and
    /// passes its error on: that is how a client that left frees the lane. A [`Problem`] reaches the
    /// caller as it is. Any other error is a 500 for the caller, and its cause is in the log alone.
    fn run(&self, input: Self::Input, call: &Call) -> Result<Self::Output, Stop>;
}

/// A [`Workload`] with its types erased.
pub struct Definition {
    /// [`Workload::NAME`].
    pub(crate) name: &'static str,
    /// [`Workload::ROUTES`].
    pub(crate) routes: &'static [Route],
    /// [`Workload::REASONS`].
    pub(crate) reasons: &'static [Reason],
    /// [`Workload::schemas`].
    #[cfg(feature = "schema")]
    pub(crate) schemas: fn() -> Option<Schemas>,
    workload: &'static dyn Erased,
}

/// A computation whose input is there; all that it lacks is somebody to be told when to stop.
type Prepared = Box<dyn FnOnce(&Call) -> Result<Map<String, Value>, Stop> + Send>;

trait Erased: Sync {
    fn prepare(&'static self, source: &Source) -> Result<Prepared, InvalidInput>;
}

impl Definition {
    /// The erased form of `workload`.
    pub const fn of<W: Workload>(workload: &'static W) -> Self {
        Self {
            name: W::NAME,
            routes: W::ROUTES,
            reasons: W::REASONS,
            #[cfg(feature = "schema")]
            schemas: W::schemas,
            workload,
        }
    }

    /// A job from what a caller sent; the error names the field that is wrong.
    pub(crate) fn job(&'static self, source: Source) -> Result<Job, InvalidInput> {
        let prepared = self.workload.prepare(&source)?;
        Ok(Job::new(self, source, prepared))
    }
}

impl<W: Workload> Erased for W {
    fn prepare(&'static self, source: &Source) -> Result<Prepared, InvalidInput> {
        let input: W::Input = source.parse()?;
        Ok(Box::new(move |call| {
            let output = self.run(input, call)?;
            Ok(match serde_json::to_value(output)? {
                Value::Object(fields) => fields,
                other => Map::from_iter([("result".to_owned(), other)]),
            })
        }))
    }
}

impl Debug for Definition {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
