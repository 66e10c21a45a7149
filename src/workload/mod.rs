//! What is computed: one file for each workload, and the list of them.

mod count;
mod prime;

/// Every workload of this service.
pub const ALL: &[onelane::Definition] = onelane::workloads![prime::Prime, count::Count];
