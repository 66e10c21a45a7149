//! A program that stays: it is started once, warm for each request, and replaced when it is spent.

mod crew;
mod http;
mod one;

use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Call, Stop};
use crate::keeper::Keeping;
use crew::Crew;
pub use crew::Follow;
pub use http::Answer;
use http::CoprocessRequest;
use one::{CoprocessPlan, Dialect};

/// The default time for a start: an office suite takes some seconds, a model may take more.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The default limit of an answer, in bytes: 16 MiB.
const ANSWER_MAX: usize = 16 << 20;

/// A program that stays, such as an interpreter with a model in it, or an office suite. A workload makes it in
/// [`Load::load`](super::Load::load) and shows it to the engine in
/// [`Load::coprocess`](super::Load::coprocess), which starts one for each slot before the service is ready. What it
/// does for a request, it does alone: no other request speaks to it meanwhile.
///
/// It is ended with all that it has started when its request ends early (the client has left, or the time is over),
/// and by [`Self::requests`] and [`Self::memory_mib`]. Its place is taken by a new one at once; until that is ready,
/// its slot is not given to requests, so that they go to other lanes.
///
/// ```
/// use std::error::Error;
/// use std::process::Command;
///
/// use onelane::{Call, Coprocess, Load, Route, Stop, Workload};
/// use serde::Deserialize;
/// use serde_json::{Value, json};
///
/// struct Length {
///     shell: Coprocess,
/// }
///
/// impl Load for Length {
///     type Settings = ();
///
///     fn load((): ()) -> Result<Self, Box<dyn Error + Send + Sync>> {
///         let mut shell = Command::new("sh");
///         shell.args(["-c", "echo ready; while read -r line; do echo ${#line}; done"]);
///         let shell = Coprocess::lines(shell).ready("ready").requests(1000);
///         Ok(Self { shell })
///     }
///
///     fn coprocess(&self) -> Option<&Coprocess> {
///         Some(&self.shell)
///     }
/// }
///
/// #[derive(Deserialize)]
/// struct Input {
///     text: String,
/// }
///
/// impl Workload for Length {
///     const NAME: &'static str = "length";
///     const ROUTES: &'static [Route] = &[Route::new("/length")];
///     type Input = Input;
///     type Output = u64;
///
///     fn run(&self, Input { text }: Input, call: &Call) -> Result<u64, Stop> {
///         self.shell.ask(call, &text)
///     }
/// }
///
/// let length = Length::load(()).unwrap();
/// let text = "four".to_owned();
/// assert_eq!(length.run(Input { text }, &Call::default()).unwrap(), 6, "in JSON it has quotes");
/// ```
#[derive(Debug)]
pub struct Coprocess {
    plan: Arc<CoprocessPlan>,
    crew: OnceLock<Arc<Crew>>,
}

impl Coprocess {
    /// One that reads a line and answers with a line.
    pub fn lines(command: Command) -> Self {
        Self::new(command, Dialect::Lines)
    }

    /// One that reads a frame and answers with a frame: its length in bytes as 32 bits, the highest first, and then
    /// so many bytes.
    pub fn frames(command: Command) -> Self {
        Self::new(command, Dialect::Frames)
    }

    /// One that serves HTTP on a Unix socket, whose path is in its variable `SOCKET`, and in the place of `{socket}`
    /// in its arguments.
    pub fn http(command: Command) -> Self {
        Self::new(command, Dialect::Http)
    }

    fn new(command: Command, dialect: Dialect) -> Self {
        Self {
            plan: Arc::new(CoprocessPlan {
                command,
                dialect,
                ready: None,
                start_timeout: START_TIMEOUT,
                requests: 0,
                memory: u64::MAX,
                spare: false,
                answer_max: ANSWER_MAX,
            }),
            crew: OnceLock::new(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut CoprocessPlan)) -> Self {
        change(Arc::get_mut(&mut self.plan).expect("it has not been started yet"));
        self
    }

    /// What it says when it is ready: this line, or frame; what it says before that is skipped, line by line. With
    /// HTTP: a path that is answered with a status of 2xx then. Without this it is ready when it has been started;
    /// with HTTP, when it takes connections.
    #[must_use]
    pub fn ready(self, when: &str) -> Self {
        self.with(|plan| plan.ready = Some(when.to_owned()))
    }

    /// With another time than a minute to become ready.
    #[must_use]
    pub fn start_timeout(self, timeout: Duration) -> Self {
        self.with(|plan| plan.start_timeout = timeout)
    }

    /// Replaces it after so many requests: for programs that leak.
    #[must_use]
    pub fn requests(self, most: u32) -> Self {
        self.with(|plan| plan.requests = most)
    }

    /// Replaces it after a request with which it, and all that it has started, have come to more memory than this.
    #[must_use]
    pub fn memory_mib(self, most: u64) -> Self {
        self.with(|plan| plan.memory = most << 20)
    }

    /// Has one more that is ready, so that a replacement is there at once. It takes memory all the time.
    #[must_use]
    pub fn spare(self) -> Self {
        self.with(|plan| plan.spare = true)
    }

    /// With another limit of an answer than 16 MiB. One that says more is replaced.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        self.with(|plan| plan.answer_max = bytes)
    }

    /// Asks something as JSON, on a line or in a frame, and waits for the answer as JSON.
    pub fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
        question: &impl Serialize,
    ) -> Result<T, Stop> {
        let answer = self.exchange(call, serde_json::to_vec(question)?)?;
        serde_json::from_slice(&answer).map_err(|err| {
            let name = self.plan.name();
            Stop::Failed(format!("{name} answered with other JSON than it should: {err}").into())
        })
    }

    /// Says a line, or a frame, and waits for the one that is its answer.
    ///
    /// # Errors
    /// [`Stop::Interrupted`] if the call was, [`Stop::Crashed`] if the program ended or did not keep to the format: in
    /// both cases it is replaced. [`Stop::Failed`] if the question is not one line.
    pub fn exchange(&self, call: &Call, question: impl AsRef<[u8]>) -> Result<Vec<u8>, Stop> {
        let message = self.plan.message(question.as_ref());
        let message = message.map_err(|why| Stop::Failed(why.into()))?;
        self.crew(call)?.lend(call, |one| one.exchange(message))
    }

    /// Sends a request by HTTP and waits for its answer. `method` and `path` are such as `POST` and `/convert`;
    /// what it has to say of the body is in `content_type`. The place of the request in a trace goes along, in
    /// `traceparent` and `tracestate`.
    pub fn request(
        &self,
        call: &Call,
        (method, path): (&str, &str),
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, Stop> {
        if self.plan.dialect != Dialect::Http {
            return Err(Stop::Failed("this program is not spoken to by HTTP".into()));
        }
        let request = CoprocessRequest {
            method,
            path,
            content_type,
            body,
            trace: Some(call.trace()),
        };
        self.crew(call)?.lend(call, |one| one.request(&request))
    }

    /// Starts it, once for each slot, and waits until all are ready.
    pub(crate) fn start(&self, slots: usize, follow: &Arc<dyn Follow>) -> Result<(), String> {
        let crew = Crew::start(self.plan.clone(), slots, Keeping::ByKeeper, follow.clone())?;
        self.crew.set(crew).ok();
        Ok(())
    }

    /// Those that were started; in a unit test one, which is started now.
    fn crew(&self, call: &Call) -> Result<&Arc<Crew>, Stop> {
        if self.crew.get().is_none() {
            let crew = Crew::start(self.plan.clone(), 1, call.keeping(), Arc::new(NoFollower));
            self.crew.set(crew.map_err(Stop::Crashed)?).ok();
        }
        Ok(self.crew.get().expect("it was set"))
    }
}

/// Follows nothing.
#[derive(Debug)]
struct NoFollower;

impl Follow for NoFollower {
    fn news(&self, _: crate::roster::ProgramNews) {}
    fn missing(&self, _: usize) {}
}
