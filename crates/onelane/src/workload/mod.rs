//! The seam: what a service implements, and what the engine makes of it.
//!
//! [`Workload`] is what the owner of a service writes. [`Definition`] is the same thing with its types
//! erased, so that routes, executors and other processes can handle every workload alike. A [`Job`] is
//! one workload with one input. This module computes nothing and knows nothing of HTTP.

mod body;
mod call;
mod coprocess;
mod definition;
mod fields;
mod input;
mod interrupt;
mod invalid;
mod job;
mod load;
mod names;
mod problem;
mod program;
mod record;
mod rehearsal;
mod reply;
mod request_folder;
mod route;
#[cfg(feature = "openapi")]
mod schemas;
mod series;
mod stop;
mod stream;
mod text;
mod traced;
#[cfg(feature = "multipart")]
mod upload;

use serde::de::DeserializeOwned;

pub use body::Body;
pub(crate) use body::BodyKind;
#[cfg(feature = "multipart")]
pub(crate) use body::Files;
pub use call::Call;
pub(crate) use call::Outlet;
pub use coprocess::{Answer, Coprocess, Follow};
pub use definition::Definition;
pub use input::{Format, Source, at_most};
pub(crate) use interrupt::Interrupt;
pub use interrupt::Interrupted;
pub use invalid::InvalidInput;
pub use job::{Job, Parcel, Workloads};
pub use load::{Load, LoadError};
pub(crate) use names::{BadSeries, check as check_series};
pub use problem::{Problem, Reason};
pub use program::{Output, Program};
pub(crate) use record::Change;
pub use record::{Record, SeriesEvent};
pub(crate) use reply::{Content, PIECE_BYTES, ReplyHead};
pub use reply::{IntoReply, Reply};
pub(crate) use route::in_url;
pub use route::{Example, Method, Route};
#[cfg(feature = "openapi")]
pub use schemas::Schemas;
pub(crate) use series::SeriesKind;
pub use series::{Point, Series};
pub(crate) use stop::chain;
pub use stop::{Outcome, Stop};
pub use stream::Stream;
#[cfg(feature = "multipart")]
pub use upload::Upload;
#[cfg(feature = "multipart")]
pub(crate) use upload::{Parts, Sent, path_in};

/// A function that is worth a lane: it blocks, and is polite enough to look whether it is still wanted.
///
/// The example of the [crate] is a whole one.
pub trait Workload: Send + Sync + 'static {
    /// Its name in metrics and logs. No two workloads of a service have the same.
    const NAME: &'static str;
    /// Where it is served. No two workloads of a service have the same path and method.
    const ROUTES: &'static [Route];
    /// The reasons of the problems that it answers with, so that metrics know them from the start. One
    /// that is missing here is an error of the service, 500 for its caller.
    const REASONS: &'static [Reason] = &[];
    /// What it counts and measures of its own, by [`Call::count`], [`Call::set`] and [`Call::observe`]. The
    /// series are in `/metrics` from the start, at zero.
    const SERIES: &'static [Series] = &[];
    /// What a caller sends: the parameters of the path, the fields of the query string and those of a
    /// JSON object or a form in the body, all of them in one. What it does not accept is answered with 400
    /// and the name of the field; without a body before the request queues. Raw bytes are not in here but
    /// in [`Call::body`], and files in `Call::files`.
    type Input: DeserializeOwned + Send + 'static;
    /// What the caller gets back: anything that serde can write, as JSON, or a [`Reply`].
    type Output: IntoReply;

    /// What [`Self::Input`] and [`Self::Output`] look like, for types that derive `schemars::JsonSchema` (a
    /// dependency of the service, in version 1). The OpenAPI document of the service has it.
    ///
    /// ```
    /// # use onelane::{Call, Route, Stop, Workload};
    /// use onelane::Schemas;
    /// use schemars::JsonSchema;
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Input {
    ///     /// Where it starts.
    ///     #[schemars(range(min = 1))]
    ///     start: u64,
    /// }
    /// # #[derive(Serialize, JsonSchema)]
    /// # struct Output { steps: u64 }
    /// # struct Collatz;
    ///
    /// impl Workload for Collatz {
    ///     // …
    /// #    const NAME: &'static str = "collatz";
    /// #    const ROUTES: &'static [Route] = &[Route::new("/collatz")];
    /// #    type Input = Input;
    /// #    type Output = Output;
    /// #    fn run(&self, Input { start }: Input, _: &Call) -> Result<Output, Stop> { Ok(Output { steps: start }) }
    ///     fn schemas() -> Option<Schemas> {
    ///         Some(Schemas::of::<Input, Output>())
    ///     }
    /// }
    /// # assert!(Collatz::schemas().is_some());
    /// ```
    #[cfg(feature = "openapi")]
    fn schemas() -> Option<Schemas> {
        None
    }

    /// Computes the answer. A loop calls [`Call::check`] often enough (every millisecond or so) and
    /// passes its error on: that is how a client that left frees the lane. A [`Problem`] reaches the
    /// caller as it is. Any other error is a 500 for the caller, and its cause is in the log alone.
    fn run(&self, input: Self::Input, call: &Call) -> Result<Self::Output, Stop>;
}

/// A [`Workload`] with its types erased, so that executors and other processes handle all of them alike.
pub trait Run: Send + Sync {
    /// Computes the answer to what a caller sent.
    fn run(&self, source: Source, call: Call) -> Result<Reply, Outcome>;
}

impl<W: Workload> Run for W {
    fn run(&self, source: Source, mut call: Call) -> Result<Reply, Outcome> {
        let input = source.parse()?;
        call.set_headers(source.headers);
        match source.format {
            Format::Raw => call.set_body(source.body),
            #[cfg(feature = "multipart")]
            Format::Parts => call.set_files(source.parts, source.body),
            // It is in the input now: room for what is to be computed.
            Format::Absent | Format::Json | Format::Form => drop(source.body),
        }
        let output = Workload::run(self, input, &call);
        if let Some(mistake) = call.mistake(W::SERIES) {
            return Err(Outcome::Stopped(Stop::Failed(mistake.into())));
        }
        let output = output.map_err(Outcome::Stopped)?;
        output
            .into_reply()
            .map_err(|err| Outcome::Stopped(Stop::Failed(err)))
    }
}
