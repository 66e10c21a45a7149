//! `/trace?spans=N&ms=M&how=…`: answers with its place in the trace, and has a span of its own, with one below and so many
//! more. For what becomes of traces.

use std::time::Duration;

use onelane::{Call, Reason, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// A part of a trace.
pub struct Trace;

const REFUSED: Reason = Reason::new(422, "untraceable", "It wants no trace");

#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    spans: u32,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    how: How,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Rightly,
    Refused,
    Failing,
    Panicking,
    Exiting,
}

/// What it would pass on to others.
#[derive(Serialize)]
pub struct Places {
    traceparent: String,
    tracestate: String,
    /// In the span of its own.
    within: String,
}

impl Workload for Trace {
    const NAME: &'static str = "trace";
    const ROUTES: &'static [Route] = &[Route::new("/trace")];
    const REASONS: &'static [Reason] = &[REFUSED];
    type Input = Input;
    type Output = Places;

    fn run(&self, Input { spans, ms, how }: Input, call: &Call) -> Result<Places, Stop> {
        let trace = call.trace();
        call.set_attribute("drill.spans", spans);
        let outer = call.span("outer");
        outer.set_attribute("drill.text", "some text");
        outer.set_attribute("drill.ratio", 0.5);
        outer.set_attribute("drill.truth", true);
        outer.span("inner").set_error("it is only a drill");
        for _ in 0..spans {
            drop(call.span("one of many"));
        }
        call.sleep(Duration::from_millis(ms))?;
        let within = outer.trace().traceparent().to_owned();
        drop(outer);
        match how {
            How::Rightly => Ok(Places {
                traceparent: trace.traceparent().to_owned(),
                tracestate: trace.tracestate().to_owned(),
                within,
            }),
            How::Refused => Err(REFUSED.into()),
            How::Failing => Err(Stop::Failed("it was told to".into())),
            How::Panicking => panic!("it was told to"),
            How::Exiting => std::process::exit(7),
        }
    }
}
