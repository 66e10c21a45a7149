//! What kind of body a route takes, and how much of it.

/// The default limit of a body, in bytes: 1 MiB.
const LIMIT_BYTES: usize = 1024 * 1024;

/// The body that a route takes. Whatever is longer is answered with 413, whatever is of another type with
/// 415, both before the request queues if its head tells.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    pub(crate) kind: Kind,
    pub(crate) limit: usize,
}

/// The kind of a body, and with it its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    None,
    Json,
    Form,
    Raw(&'static [&'static str]),
}

impl Kind {
    /// What the page sends for it: `raw` is a file, `text` what is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raw(_) => "raw",
            Self::None | Self::Json | Self::Form => "text",
        }
    }

    /// The types of such a body.
    pub(crate) const fn types(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Json => &["application/json"],
            Self::Form => &["application/x-www-form-urlencoded"],
            Self::Raw(types) => types,
        }
    }
}

impl Body {
    /// No body.
    pub const NONE: Self = Self::of(Kind::None);

    /// A JSON object with the fields of the input: `application/json`, or a type built on it.
    pub const JSON: Self = Self::of(Kind::Json);

    /// The fields of the input as a form: `application/x-www-form-urlencoded`.
    pub const FORM: Self = Self::of(Kind::Form);

    /// Bytes of one of these types, for [`Call::body`](super::Call::body): `image/png`, or `image/*` for
    /// all of its kind, or `*/*`.
    pub const fn raw(types: &'static [&'static str]) -> Self {
        Self::of(Kind::Raw(types))
    }

    /// With another limit than 1 MiB. nginx has one of its own, for all routes together
    /// (`nginx/bodies.conf`), and a lane needs room for one such body for each slot.
    #[must_use]
    pub const fn limit(self, bytes: usize) -> Self {
        Self {
            limit: bytes,
            ..self
        }
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            limit: LIMIT_BYTES,
        }
    }
}
