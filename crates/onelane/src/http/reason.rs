//! What a response was given for, told from the handler to the observer.

/// The machine-readable cause of a response, left in its extensions for the observer.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseReason(pub(super) &'static str);

/// The reason of [`Problem::Busy`].
pub(super) const BUSY: &str = "busy";
/// The reason of no problem of ours: the client left before it could be told anything.
pub(super) const GONE: &str = "client_gone";
/// The reason of no problem either: the client took its answer so slowly that its connection was cut.
pub(super) const SEND_TIMEOUT: &str = "send_timeout";
/// The reason of no problem, but of a hop like [`BUSY`]: the request comes again.
pub(super) const ASKED: &str = "asked";
