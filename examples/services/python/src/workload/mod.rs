//! What is computed: one file for each workload, and the list of them.

mod iris;

/// Every workload of this service.
pub const ALL: &[onelane::Definition] = &[onelane::Definition::loaded::<iris::Iris>()];
