//! Where a workload is served, and what one may ask it.

/// One path of a workload.
#[derive(Debug)]
pub struct Route {
    pub(crate) path: &'static str,
    pub(crate) preset: &'static str,
    pub(crate) examples: &'static [Example],
}

impl Route {
    /// A path, exactly as requested: `/prime`.
    pub const fn new(path: &'static str) -> Self {
        Self {
            path,
            preset: "",
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

    /// With requests to try: the buttons of the page, and what `examples` prints.
    #[must_use]
    pub const fn examples(self, examples: &'static [Example]) -> Self {
        Self { examples, ..self }
    }
}

/// A request for somebody who wants to see the service work.
#[derive(Debug)]
pub struct Example {
    pub(crate) label: &'static str,
    pub(crate) query: &'static str,
    pub(crate) note: &'static str,
    pub(crate) times: u32,
}

impl Example {
    /// `label` says in a few words what it asks; `query` is the query string: `number=7`.
    pub const fn new(label: &'static str, query: &'static str) -> Self {
        Self {
            label,
            query,
            note: "",
            times: 1,
        }
    }

    /// With a sentence about what to expect.
    #[must_use]
    pub const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// Sent so many times at once.
    #[must_use]
    pub const fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}
