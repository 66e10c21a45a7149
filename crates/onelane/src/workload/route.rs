//! Where a workload is served, and what one may ask it.

use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Body;
use super::body::BodyKind;

/// What does not stand in a URL, or means something to a shell's quotes, to curl or to xargs. Not `%`: what is
/// encoded stays as it is.
const SPECIAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The same as a part of a URL that can be copied anywhere.
pub(crate) fn in_url(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, SPECIAL).into()
}

/// One path of a workload, with what may be asked there.
#[derive(Debug)]
pub struct Route {
    pub(crate) path: &'static str,
    pub(crate) methods: &'static [Method],
    pub(crate) body: Body,
    pub(crate) preset: &'static str,
    /// Seconds for which an answer may be given again; 0 if each request is computed.
    pub(crate) max_age: u64,
    pub(crate) examples: &'static [Example],
}

/// How a route may be asked. HEAD comes with GET; OPTIONS is answered by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Tells something.
    Get,
    /// Does something. Not repeated if its answer is lost, unless it has an `Idempotency-Key`.
    Post,
    /// Puts something in its place.
    Put,
    /// Changes a part of something.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Route {
    /// A path such as `/collatz` that is asked by GET, with the input as its query, or by POST, with a
    /// JSON object of up to 1 MiB.
    ///
    /// A part in braces is a field of the input: `/customers/{id}` fills `id`.
    pub const fn new(path: &'static str) -> Self {
        Self::of(path, &[Method::Get, Method::Post], Body::JSON)
    }

    /// A path that is asked by GET alone.
    pub const fn get(path: &'static str) -> Self {
        Self::of(path, &[Method::Get], Body::NONE)
    }

    /// A path that is asked by POST alone, with such a body.
    pub const fn post(path: &'static str, body: Body) -> Self {
        Self::of(path, &[Method::Post], body)
    }

    /// A path that is asked by PUT alone, with such a body.
    pub const fn put(path: &'static str, body: Body) -> Self {
        Self::of(path, &[Method::Put], body)
    }

    /// A path that is asked by PATCH alone, with such a body.
    pub const fn patch(path: &'static str, body: Body) -> Self {
        Self::of(path, &[Method::Patch], body)
    }

    /// A path that is asked by DELETE alone.
    pub const fn delete(path: &'static str) -> Self {
        Self::of(path, &[Method::Delete], Body::NONE)
    }

    const fn of(path: &'static str, methods: &'static [Method], body: Body) -> Self {
        Self {
            path,
            methods,
            body,
            preset: "",
            max_age: 0,
            examples: &[],
        }
    }

    /// With a query string that stands in where a request brings no input of its own: `ms=5000`.
    #[must_use]
    pub const fn preset(self, query: &'static str) -> Self {
        Self {
            preset: query,
            ..self
        }
    }

    /// Whose answers to GET may be given again for so long, to every caller who asks the same: they depend on path and
    /// query alone, and not on who asks.
    ///
    /// The engine says so to every cache on the way (`Cache-Control: public, max-age=…`), and names each answer by an
    /// `ETag`. That goes for answers of status 200, not for a [`Stream`](super::Stream), and not for a
    /// [`Reply`](super::Reply) with a `Cache-Control` of its own.
    ///
    /// # Panics
    ///
    /// While it is compiled, for a route without GET.
    #[must_use]
    pub const fn fresh_for(self, time: Duration) -> Self {
        assert!(
            matches!(self.methods, [Method::Get, ..]),
            "only an answer to GET can be given again"
        );
        Self {
            max_age: time.as_secs(),
            ..self
        }
    }

    /// With requests to try: the buttons of the page, and what `examples` prints. Each of them asks by the first
    /// of the route's methods; where that takes bytes, the page asks for a file.
    #[must_use]
    pub const fn examples(self, examples: &'static [Example]) -> Self {
        Self { examples, ..self }
    }

    /// The path without the names of its parameters: `/customers/{}`. None if it is no path.
    pub(crate) fn shape(&self) -> Option<String> {
        let mut parts = self.path.strip_prefix('/')?.split('/');
        let part = |part: &str| {
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            let is_name = |name: &str| {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                !name.is_empty() && name.bytes().all(allowed)
            };
            match name {
                Some(name) => is_name(name).then(|| "/{}".to_owned()),
                None => (!part.contains(['{', '}'])).then(|| format!("/{part}")),
            }
        };
        parts.try_fold(String::new(), |path, next| Some(path + &part(next)?))
    }

    /// How its examples are sent.
    pub(crate) fn method(&self) -> Method {
        self.methods[0]
    }

    /// The body of its examples, if they have one.
    pub(crate) fn sent(&self) -> Option<Body> {
        let sends = !matches!(self.method(), Method::Get | Method::Delete);
        (sends && self.body.kind != BodyKind::None).then_some(self.body)
    }

    /// Path and query of a request here. What the query says of the parameters of the path stands in the path.
    pub(crate) fn ask(&self, query: &str) -> String {
        let mut fields: Vec<&str> = query.split('&').filter(|field| !field.is_empty()).collect();
        let parts = self.path.split('/').map(|part| {
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            let is_it = |field: &&str| {
                field
                    .split_once('=')
                    .is_some_and(|(of, _)| Some(of) == name)
            };
            match fields.iter().position(is_it) {
                Some(at) => in_url(
                    fields
                        .remove(at)
                        .split_once('=')
                        .map_or("", |(_, value)| value),
                ),
                None => in_url(part),
            }
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let mark = if fields.is_empty() { "" } else { "?" };
        format!("{path}{mark}{}", in_url(&fields.join("&")))
    }
}

/// A request that shows the service at work.
#[derive(Debug)]
pub struct Example {
    pub(crate) label: &'static str,
    pub(crate) query: &'static str,
    pub(crate) body: &'static str,
    pub(crate) note: &'static str,
    pub(crate) times: u32,
}

impl Example {
    /// `label` says in a few words what it asks; `query` is the query string: `start=27`. Fields that are parameters
    /// of the path stand there. What a URL cannot
    /// have in it is encoded for you.
    pub const fn new(label: &'static str, query: &'static str) -> Self {
        Self {
            label,
            query,
            body: "",
            note: "",
            times: 1,
        }
    }

    /// With a body, for a route that takes JSON or a form: `{"start":27}`.
    #[must_use]
    pub const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    /// With a sentence about what to expect.
    #[must_use]
    pub const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// Sent so many times at once, if it has no body.
    #[must_use]
    pub const fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}
