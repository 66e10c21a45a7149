//! What is computed: one file for each workload, and the list of them.

mod document;
mod format;

/// The workload of this service: it looks for `soffice` before it is ready.
pub const LOADED: &[onelane::Definition] = &[onelane::Definition::loaded::<document::Document>()];
