//! `/mirror`: answers with the body that it got, of whatever type that is. For what becomes of answers in a browser.

use onelane::{Body, Call, Example, Reply, Route, Stop, Workload};

/// A body there and back.
pub struct Mirror;

impl Workload for Mirror {
    const NAME: &'static str = "mirror";
    const ROUTES: &'static [Route] = &[Route::put("/mirror", Body::raw(&["*/*"]).limit(4 << 20))
        .examples(&[Example::new("There and back", "").note("As it is.")])];
    type Input = ();
    type Output = Reply;

    fn run(&self, (): (), call: &Call) -> Result<Reply, Stop> {
        let content_type = call.header("content-type").unwrap_or_default();
        Ok(Reply::bytes(content_type, call.body()))
    }
}
