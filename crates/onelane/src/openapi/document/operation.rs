//! One path with one of its methods.

use serde_json::Value;

use super::described::Described;
use crate::workload::{BodyKind, Definition, Method, Route};

/// What a caller does there.
pub(super) struct Operation<'a> {
    pub(super) workload: &'a Definition,
    pub(super) route: &'a Route,
    pub(super) method: Method,
    pub(super) described: &'a Described,
}

impl Operation<'_> {
    /// `put_customers_id_score` for PUT `/customers/{id}/score`.
    pub(super) fn id(&self) -> String {
        let words = self
            .route
            .path
            .split(|letter: char| !letter.is_ascii_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        let id = words.fold(self.method.name().to_ascii_lowercase(), |id, word| {
            id + "_" + word
        });
        match self.route.path {
            "/" => id + "_root",
            _ => id,
        }
    }

    /// Whether it has a body that means something.
    pub(super) fn has_body(&self) -> bool {
        let sends = !matches!(self.method, Method::Get | Method::Delete);
        sends && self.route.body.kind != BodyKind::None
    }

    /// The names in the path.
    pub(super) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.route.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    pub(super) fn is_in_path(&self, name: &str) -> bool {
        self.path_parameters().any(|parameter| parameter == name)
    }

    /// The fields of the input, and whether a caller has to send them.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Value, bool)> {
        let input = self.described.input.as_ref();
        let properties = input.and_then(|input| input["properties"].as_object());
        // A request without input has that of the route.
        let may_be_empty = !self.route.preset.is_empty();
        let required = input.and_then(|input| input["required"].as_array());
        let is_required = move |name: &str| {
            let mut required = required.into_iter().flatten();
            !may_be_empty && required.any(|required| required == name)
        };
        let properties = properties.into_iter().flatten();
        properties.map(move |(name, schema)| (name.as_str(), schema, is_required(name)))
    }
}
