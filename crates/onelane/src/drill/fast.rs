//! `/fast`: trivial work, which needs the lane like everything else.

use serde::Serialize;

use super::fields::Nothing;
#[cfg(feature = "openapi")]
use crate::workload::Schemas;
use crate::workload::{Call, Example, Route, Stop, Workload};

/// No work at all: what remains is the cost of a request.
#[derive(Debug)]
pub struct Fast;

/// A sign of life.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Output {
    ok: bool,
    /// The process that computed it.
    pid: u32,
}

impl Workload for Fast {
    const NAME: &'static str = "fast";
    const ROUTES: &'static [Route] = &[
        Route::new("/fast").examples(&[Example::new("Nothing at all", "")
            .note("No work. How long it takes depends on who is in front of it.")]),
        Route::new("/fast-one"),
    ];
    type Input = Nothing;
    type Output = Output;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<Schemas> {
        let schemas = Schemas::of::<Self::Input, Self::Output>();
        Some(schemas.summary("Trivial work."))
    }

    fn run(&self, _: Nothing, _: &Call) -> Result<Output, Stop> {
        Ok(Output {
            ok: true,
            pid: std::process::id(),
        })
    }
}
