//! `/refuse?how=…`: answers with a problem of its own, or fails. For what becomes of problems on their way.

use std::fs;

use onelane::{Call, Problem, Reason, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// No output, ever.
pub struct Refuse;

/// In which way.
#[derive(Deserialize)]
pub struct Input {
    how: How,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// A reason and nothing else.
    Plainly,
    /// With all that a problem can have.
    AtLength,
    /// A fault of the service's, in the words of a problem.
    Unavailable,
    /// With an error that is not for callers.
    ByAnError,
    /// With an error that has a cause.
    ByACause,
    /// With a reason that it has not declared.
    Undeclared,
    /// With a header that steers nginx.
    Redirecting,
}

/// Nothing.
#[derive(Serialize)]
pub struct Output {}

const UNKNOWN: Reason = Reason::new(404, "unknown_customer", "There is no such customer");
const INVALID: Reason = Reason::new(422, "invalid_order", "The order is not valid");
const CLOSED: Reason = Reason::new(503, "shop_closed", "The shop is closed");
const UNDECLARED: Reason = Reason::new(409, "undeclared", "This is not declared");

impl Workload for Refuse {
    const NAME: &'static str = "refuse";
    const ROUTES: &'static [Route] = &[Route::new("/refuse")];
    const REASONS: &'static [Reason] = &[UNKNOWN, INVALID, CLOSED];
    type Input = Input;
    type Output = Output;

    fn run(&self, Input { how }: Input, _: &Call) -> Result<Output, Stop> {
        match how {
            How::Plainly => Err(UNKNOWN.into()),
            How::AtLength => Err(INVALID
                .detail("2 fields are wrong")
                .field(
                    "errors",
                    vec!["amount: too large", "street: <missing> \"ü\""],
                )
                .field("status", 200)
                .header("Retry-After", "7")
                .header("Link", "</help>; rel=help")
                .into()),
            How::Unavailable => Err(CLOSED.into()),
            How::ByAnError => {
                "seven".parse::<u8>()?;
                Ok(Output {})
            }
            How::ByACause => {
                fs::read("/the/secret/file").map_err(Wrapped)?;
                Ok(Output {})
            }
            How::Undeclared => Err(UNDECLARED.into()),
            How::Redirecting => Err(Problem::from(&UNKNOWN)
                .header("X-Accel-Redirect", "/")
                .into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the model cannot be read")]
struct Wrapped(#[source] std::io::Error);
