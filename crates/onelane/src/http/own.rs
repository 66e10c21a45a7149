//! Problems of a service's own: whether they keep to what it declared, and what they may say.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};

use crate::service::Service;
use crate::workload;

/// Headers that the engine or nginx sets, or that say where the answer ends. The names that begin with one
/// of [`PREFIXES`] are like these.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "server-timing",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
    "x-served-by",
];

/// Words between nginx and lanes, and those between a proxy and its neighbours.
const PREFIXES: [&str; 3] = ["x-accel-", "x-lane-", "proxy-"];

/// A problem that can be answered as it is.
#[derive(Debug)]
pub(super) struct OwnProblem {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) problem: Box<workload::Problem>,
}

impl OwnProblem {
    /// The error says what the author of the service has to put right.
    pub(super) fn checked(
        problem: Box<workload::Problem>,
        service: &Service,
    ) -> Result<Self, String> {
        let mut declared = service.reasons();
        let reason = declared
            .find(|reason| reason.name == problem.reason && reason.status == problem.status)
            .ok_or_else(|| format!("the reason {} is not in REASONS", problem.reason))?;
        let headers = problem.headers.iter();
        let headers: Result<_, _> = headers.map(|(name, value)| checked(name, value)).collect();
        Ok(Self {
            status: StatusCode::from_u16(reason.status).expect("a reason has a valid status"),
            reason: reason.name,
            headers: headers?,
            problem,
        })
    }
}

/// A header that a workload may set.
pub(super) fn checked(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
    let (Ok(header), Ok(value)) = parsed else {
        return Err(format!("{name:?}: {value:?} is no header"));
    };
    let is_reserved = RESERVED.contains(&header.as_str())
        || PREFIXES
            .iter()
            .any(|prefix| header.as_str().starts_with(prefix));
    if is_reserved {
        return Err(format!("the header {header} is not for a workload to set"));
    }
    Ok((header, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_frames_an_answer_or_steers_nginx_is_not_for_workloads() {
        for name in [
            "X-Accel-Redirect",
            "x-lane-busy",
            "Content-Length",
            "transfer-encoding",
            "Proxy-Connection",
        ] {
            assert!(checked(name, "1").is_err(), "{name}");
        }
        assert!(checked("Retry-After", "3").is_ok());
        assert!(checked("two words", "3").is_err());
        assert!(checked("Location", "/a\r\nSet-Cookie: b").is_err());
    }
}
