//! Whether nginx and this lane mean the same by `X-Lane-…`. nginx/ belongs to the service, the engine
//! is a crate that is upgraded: one may be of another version than the other.
//!
//! Every request that a balancer passes on says which version it speaks. If that is not ours, nothing
//! that the request asks for can be trusted to be understood, so nothing is done.

use std::sync::Once;

use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;

use super::headers::{X_LANE_HOLD_MS, text};
use super::problem::HttpProblem;
use crate::service::LANE_PROTOCOL;

/// The version that nginx speaks. Every later version has this header, and 503 for one that does not fit.
const X_LANE_PROTOCOL: &str = "x-lane-protocol";

/// Asks for nothing but whether the versions fit.
const X_LANE_PROBE: &str = "x-lane-probe";

/// That nginx speaks another version is logged once: it stays so until a person acts.
static TOLD: Once = Once::new();

/// What the headers say about who passed the request on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// A client of a lane alone, which does not speak the protocol.
    Client,
    /// A balancer that we understand.
    Balancer,
    /// The same, which only asks whether the versions fit.
    Probe,
    /// A balancer of this version, or of one that it does not tell.
    Stranger(Option<u32>),
}

impl Sender {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(X_LANE_HOLD_MS) {
            return Self::Client;
        }
        match text(headers, X_LANE_PROTOCOL).and_then(|version| version.parse().ok()) {
            Some(LANE_PROTOCOL) if headers.contains_key(X_LANE_PROBE) => Self::Probe,
            Some(LANE_PROTOCOL) => Self::Balancer,
            version => Self::Stranger(version),
        }
    }

    /// The answer to every request of a stranger.
    pub(super) fn problem(self) -> Option<HttpProblem> {
        let Self::Stranger(version) = self else {
            return None;
        };
        let problem = HttpProblem::ProtocolMismatch(version);
        TOLD.call_once(|| tracing::error!("{problem}"));
        Some(problem)
    }
}

/// The answer to a probe.
pub(super) fn fits() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample::with;
    use super::*;

    fn sender(headers: &[(&'static str, &'static str)]) -> Sender {
        Sender::of(with(headers).headers())
    }

    #[test]
    fn who_holds_requests_says_which_version_it_speaks() {
        let hold = (X_LANE_HOLD_MS, "5");
        assert_eq!(sender(&[]), Sender::Client);
        assert_eq!(sender(&[(X_LANE_PROTOCOL, "3")]), Sender::Client);
        assert_eq!(sender(&[(X_LANE_PROBE, "1")]), Sender::Client);
        assert_eq!(sender(&[hold, (X_LANE_PROTOCOL, "2")]), Sender::Balancer);
        assert_eq!(sender(&[hold]), Sender::Stranger(None));
        assert_eq!(
            sender(&[hold, (X_LANE_PROTOCOL, "x")]),
            Sender::Stranger(None)
        );
        let later = [hold, (X_LANE_PROTOCOL, "3"), (X_LANE_PROBE, "1")];
        assert_eq!(sender(&later), Sender::Stranger(Some(3)));
        let probe = [hold, (X_LANE_PROTOCOL, "2"), (X_LANE_PROBE, "1")];
        assert_eq!(sender(&probe), Sender::Probe);
        // No number, and so no wish, but still a balancer.
        assert_eq!(sender(&[(X_LANE_HOLD_MS, "")]), Sender::Stranger(None));
    }
}
