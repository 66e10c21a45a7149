//! What kind of body a route takes, and how much of it.

/// The default limit of a body, in bytes: 1 MiB.
const LIMIT_BYTES: usize = 1024 * 1024;

/// The body that a route takes. A longer one is answered with 413, one of another type with
/// 415, both before the request queues if its head tells.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    pub(crate) kind: BodyKind,
    pub(crate) limit: usize,
}

/// The kind of a body, and with it its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    None,
    Json,
    Form,
    Raw(&'static [&'static str]),
    #[cfg(feature = "multipart")]
    Multipart(Files),
}

/// Which files a form may have.
#[cfg(feature = "multipart")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Files {
    /// The most bytes of one file.
    pub(crate) limit: usize,
    /// The names of those that must be there.
    pub(crate) required: &'static [&'static str],
}

impl BodyKind {
    /// What the page sends for it: `raw` is a file, `text` what is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raw(_) => "raw",
            Self::None | Self::Json | Self::Form => "text",
            #[cfg(feature = "multipart")]
            Self::Multipart(_) => "form",
        }
    }

    /// The types of such a body.
    pub(crate) const fn types(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Json => &["application/json"],
            Self::Form => &["application/x-www-form-urlencoded"],
            Self::Raw(types) => types,
            #[cfg(feature = "multipart")]
            Self::Multipart(_) => &["multipart/form-data"],
        }
    }
}

impl Body {
    /// No body.
    pub const NONE: Self = Self::of(BodyKind::None);

    /// A JSON object with the fields of the input: `application/json`, or a type built on it.
    pub const JSON: Self = Self::of(BodyKind::Json);

    /// The fields of the input as a form: `application/x-www-form-urlencoded`.
    pub const FORM: Self = Self::of(BodyKind::Form);

    /// Bytes of one of these types, for [`Call::body`](super::Call::body): `image/png`, or `image/*` for
    /// all of its kind, or `*/*`.
    pub const fn raw(types: &'static [&'static str]) -> Self {
        Self::of(BodyKind::Raw(types))
    }

    /// A form with files: `multipart/form-data`. Its texts are the fields of the input; its files are for
    /// [`Call::file`](super::Call::file). It has up to 100 parts, and 64 KiB of names and texts.
    #[cfg(feature = "multipart")]
    pub const fn multipart() -> Self {
        Self::of(BodyKind::Multipart(Files {
            limit: usize::MAX,
            required: &[],
        }))
    }

    /// With a limit for each of its files: one that is larger is answered with 413.
    ///
    /// # Panics
    ///
    /// While it is compiled, for a body that has no files.
    #[cfg(feature = "multipart")]
    #[must_use]
    pub const fn file_limit(self, bytes: usize) -> Self {
        let files = self.files();
        let kind = BodyKind::Multipart(Files {
            limit: bytes,
            ..files
        });
        Self { kind, ..self }
    }

    /// With files that must be there: without one of them the answer is 400.
    ///
    /// # Panics
    ///
    /// While it is compiled, for a body that has no files.
    #[cfg(feature = "multipart")]
    #[must_use]
    pub const fn required(self, names: &'static [&'static str]) -> Self {
        let files = self.files();
        let kind = BodyKind::Multipart(Files {
            required: names,
            ..files
        });
        Self { kind, ..self }
    }

    #[cfg(feature = "multipart")]
    const fn files(self) -> Files {
        match self.kind {
            BodyKind::Multipart(files) => files,
            _ => panic!("only a multipart body has files"),
        }
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

    const fn of(kind: BodyKind) -> Self {
        Self {
            kind,
            limit: LIMIT_BYTES,
        }
    }
}
