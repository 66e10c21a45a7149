//! Work for a process to practise on.

use super::{Call, Outcome, Reply, Run, Source};

/// Answers with the query. It has no route, so no caller gets there.
pub(super) struct Rehearsal;

impl Rehearsal {
    /// That of no workload of a service.
    pub(super) const NAME: &str = "";
}

impl Run for Rehearsal {
    fn run(&self, source: Source, _: Call) -> Result<Reply, Outcome> {
        Ok(Reply::bytes("text/plain", source.query))
    }
}
