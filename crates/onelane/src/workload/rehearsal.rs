//! A job for a process to practise on.

use std::collections::BTreeMap;

use super::{Call, Route, Stop, Workload};

/// Takes any fields and answers with them. It has no route, so no caller gets there.
pub(super) struct Rehearsal;

impl Workload for Rehearsal {
    /// That of no workload of a service.
    const NAME: &'static str = "";
    const ROUTES: &'static [Route] = &[];
    type Input = BTreeMap<String, String>;
    type Output = BTreeMap<String, String>;

    fn run(&self, fields: Self::Input, _: &Call) -> Result<Self::Output, Stop> {
        Ok(fields)
    }
}
