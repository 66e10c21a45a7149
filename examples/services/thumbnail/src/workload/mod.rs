//! What is computed: one file for each workload, and the list of them.

mod thumbnail;

/// Every workload of this service.
pub const ALL: &[onelane::Definition] = onelane::workloads![thumbnail::Thumbnail];
