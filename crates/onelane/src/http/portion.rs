//! How much of a request has come, and where nginx goes on with it if this lane is busy.

use actix_web::http::header::HeaderMap;

use super::headers::{X_LANE_HOLD_MS, text};

/// The body is not there yet.
const X_LANE_ASK: &str = "x-lane-ask";

/// Names a slot that is kept: to nginx, and from it.
pub(super) const X_LANE_TOKEN: &str = "x-lane-token";

/// Where nginx goes on with the request if this lane is busy, and it is the last one to be asked for now.
const X_LANE_NEXT: &str = "x-lane-next";

/// What of a request has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Portion {
    /// All of it, at once.
    Whole,
    /// All but the body.
    Head,
    /// All of it, after a lane gave this token to its head.
    Rest(String),
}

impl Portion {
    /// Only a balancer sends a request in parts.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(X_LANE_HOLD_MS) {
            return Self::Whole;
        }
        match text(headers, X_LANE_TOKEN) {
            Some(token) => Self::Rest(token.to_owned()),
            None if headers.contains_key(X_LANE_ASK) => Self::Head,
            None => Self::Whole,
        }
    }

    /// Where nginx goes on with it if this lane is busy, unless nginx itself says so.
    pub(super) fn usual_next_round(&self) -> &'static str {
        match self {
            Self::Whole => "@next_lane",
            Self::Head | Self::Rest(_) => "@ask",
        }
    }
}

/// The location of nginx where a request goes on for which this lane is too busy: the one that it names, or
/// the one that it had before it named any.
pub(super) fn next_round(headers: &HeaderMap) -> &str {
    let named = text(headers, X_LANE_NEXT).filter(|location| {
        let name = location.strip_prefix('@').unwrap_or_default();
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    named.unwrap_or_else(|| Portion::of(headers).usual_next_round())
}

#[cfg(test)]
mod tests {
    use super::super::sample::with;
    use super::*;

    fn portion(headers: &[(&'static str, &'static str)]) -> Portion {
        Portion::of(with(headers).headers())
    }

    #[test]
    fn only_who_holds_requests_sends_them_in_parts() {
        let hold = (X_LANE_HOLD_MS, "5");
        let (ask, token) = ((X_LANE_ASK, "1"), (X_LANE_TOKEN, "t"));
        assert_eq!(portion(&[ask]), Portion::Whole);
        assert_eq!(portion(&[token]), Portion::Whole);
        assert_eq!(portion(&[hold]), Portion::Whole);
        assert_eq!(portion(&[hold, ask]), Portion::Head);
        assert_eq!(portion(&[hold, token]), Portion::Rest("t".to_owned()));
    }

    #[test]
    fn a_busy_lane_sends_a_request_where_nginx_wants_it() {
        let next = |headers: &[(&'static str, &'static str)]| {
            next_round(with(headers).headers()).to_owned()
        };
        assert_eq!(next(&[(X_LANE_NEXT, "@queue")]), "@queue");
        for nonsense in ["", "@", "queue", "/problem", "@a b", "@A"] {
            assert_eq!(next(&[(X_LANE_NEXT, nonsense)]), "@next_lane", "{nonsense}");
        }
        let ask = [(X_LANE_HOLD_MS, "5"), ("x-lane-ask", "1")];
        assert_eq!(next(&ask), "@ask");
    }
}
