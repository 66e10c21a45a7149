//! The reasons of responses: how the observer learns why a request got its answer.

/// The machine-readable cause of a response, left in its extensions for the observer.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseReason(pub(super) &'static str);

/// A busy lane's answer to nginx.
pub(super) const BUSY: &str = "busy";
/// The client left before it had its answer.
pub(super) const GONE: &str = "client_gone";
/// The client took its answer so slowly that its connection was cut.
pub(super) const SEND_TIMEOUT: &str = "send_timeout";
/// nginx has asked for a slot, and sends the request again with its body.
pub(super) const ASKED: &str = "asked";
