//! `/wait?ms=N` and `/block-server`: keeps the CPU busy for a given time.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::job::{Interrupt, Interrupted, Route, Workload, at_most};

/// A busy wait.
#[derive(Debug)]
pub struct Wait;

/// How long a caller may ask for: an hour, far beyond any sensible `request_timeout`.
pub const MAX_MS: u64 = 3_600_000;

/// The duration; shared with [`super::sleep`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Input {
    /// Milliseconds, at most [`MAX_MS`].
    #[serde(deserialize_with = "at_most::<_, MAX_MS>")]
    pub ms: u64,
}

/// The duration that was asked for.
#[derive(Debug, Serialize)]
pub struct Output {
    pub(super) ms: u64,
}

impl Workload for Wait {
    const NAME: &'static str = "wait";
    const ROUTES: &'static [Route] = &[
        Route::new("/wait"),
        Route::with_preset("/block-server", "ms=5000"),
    ];
    type Input = Input;
    type Output = Output;

    fn run(Input { ms }: Input, interrupt: &Interrupt) -> Result<Output, Interrupted> {
        let end = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < end {
            interrupt.check()?;
        }
        Ok(Output { ms })
    }
}
