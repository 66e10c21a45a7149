//! Why spans are lost.

/// Why spans are lost: the values of the label `reason`.
pub const LOST: &[&str] = &[QUEUE_FULL, NOT_EXPORTED, TOO_MANY];

/// The collector is slower than the requests.
pub const QUEUE_FULL: &str = "queue_full";
/// The collector did not take them.
pub const NOT_EXPORTED: &str = "not_exported";
/// A workload had more in one request than are kept.
pub const TOO_MANY: &str = "too_many";
