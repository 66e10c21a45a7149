//! What is computed: one file for each workload, and the list of them.

mod nearest;
mod table;

/// Every workload of this service.
pub const ALL: &[onelane::Definition] = &[onelane::Definition::loaded::<nearest::Model>()];
