//! The problems that the engine and nginx answer with, by status: `docs/api.md` as a table for machines.

/// What is the same in all problems of a status.
pub(super) struct ProblemKind {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) reasons: &'static [&'static str],
    /// Headers that such an answer may have, beside those of every answer.
    pub(super) headers: &'static [&'static str],
    pub(super) of: Requests,
}

/// The requests that may be answered with a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requests {
    All,
    /// Those with a body.
    Bodies,
    /// Those for a path with parameters: one of them may be empty.
    Parameters,
    /// Those for a path with a method that it does not take.
    OtherMethods,
}

const fn of_all(
    status: u16,
    description: &'static str,
    reasons: &'static [&'static str],
) -> ProblemKind {
    ProblemKind {
        status,
        description,
        reasons,
        headers: &[],
        of: Requests::All,
    }
}

impl ProblemKind {
    const fn only(self, of: Requests) -> Self {
        Self { of, ..self }
    }

    const fn headers(self, headers: &'static [&'static str]) -> Self {
        Self { headers, ..self }
    }
}

/// All of them.
pub(super) const PROBLEMS: &[ProblemKind] = &[
    of_all(
        400,
        "The input is missing, malformed or out of range, or this is not HTTP.",
        &["bad_request"],
    ),
    of_all(
        401,
        "API keys are on, and there is none, or a wrong one.",
        &["unauthorized"],
    )
    .headers(&["WWW-Authenticate"]),
    of_all(404, "There is no such route.", &["not_found"]).only(Requests::Parameters),
    of_all(
        405,
        "The path does not take this method.",
        &["method_not_allowed"],
    )
    .only(Requests::OtherMethods)
    .headers(&["Allow"]),
    of_all(408, "The body did not arrive in time.", &["bad_request"]).only(Requests::Bodies),
    of_all(
        413,
        "The body is longer than the route takes.",
        &["body_too_large"],
    )
    .only(Requests::Bodies),
    of_all(
        414,
        "The path and the query are too long.",
        &["bad_request"],
    ),
    of_all(
        415,
        "The body is of a type that the route does not take.",
        &["unsupported_media_type"],
    )
    .only(Requests::Bodies),
    of_all(429, "Too many requests from one client.", &["rate_limited"]).headers(&["Retry-After"]),
    of_all(
        431,
        "The headers are too long or too many.",
        &["bad_request"],
    ),
    of_all(500, "The workload failed.", &["internal"]),
    of_all(
        502,
        "The process that computed this request died.",
        &["worker_crashed"],
    ),
    of_all(
        503,
        "Not now: too many requests wait, or nothing can compute this one.",
        &[
            "queue_full",
            "queue_timeout",
            "no_room",
            "spawn_failed",
            "starting",
            "draining",
            "no_lane",
            "protocol_mismatch",
        ],
    )
    .headers(&["Retry-After"]),
    of_all(
        504,
        "The computation took longer than it may, and was stopped.",
        &["request_timeout"],
    ),
];
