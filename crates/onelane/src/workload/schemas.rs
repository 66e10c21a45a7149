//! What a workload takes and answers, as JSON Schema.

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// What a workload takes and answers, as [`Workload::schemas`](super::Workload::schemas) tells it.
#[derive(Debug)]
pub struct Schemas {
    pub(crate) summary: Option<&'static str>,
    pub(crate) input: Schema,
    pub(crate) outputs: Vec<OutputSchema>,
}

/// One of the answers.
#[derive(Debug)]
pub(crate) struct OutputSchema {
    pub(crate) status: u16,
    /// The types of its body; none if it has no body.
    pub(crate) types: &'static [&'static str],
    /// None where these are no JSON.
    pub(crate) schema: Option<Schema>,
}

impl Schemas {
    /// Of an input, and of an output that is JSON, with status 200.
    pub fn of<Input: JsonSchema, Output: JsonSchema>() -> Self {
        Self::of_input::<Input>().json::<Output>(200)
    }

    /// Of an input alone, for a workload that answers with a [`Reply`](super::Reply).
    pub fn of_input<Input: JsonSchema>() -> Self {
        Self {
            summary: None,
            input: schema::<Input>(Contract::Deserialize),
            outputs: Vec::new(),
        }
    }

    /// What it does, in a few words: without them, the first paragraph of the comment on the input.
    #[must_use]
    pub fn summary(self, summary: &'static str) -> Self {
        Self {
            summary: Some(summary),
            ..self
        }
    }

    /// With an answer of this status that is JSON.
    #[must_use]
    pub fn json<Output: JsonSchema>(self, status: u16) -> Self {
        let schema = schema::<Output>(Contract::Serialize);
        self.output(status, &["application/json"], Some(schema))
    }

    /// With an answer of this status that is bytes of one of these types.
    #[must_use]
    pub fn bytes(self, status: u16, types: &'static [&'static str]) -> Self {
        self.output(status, types, None)
    }

    /// With an answer of this status that has no body.
    #[must_use]
    pub fn empty(self, status: u16) -> Self {
        self.output(status, &[], None)
    }

    fn output(
        mut self,
        status: u16,
        types: &'static [&'static str],
        schema: Option<Schema>,
    ) -> Self {
        self.outputs.push(OutputSchema {
            status,
            types,
            schema,
        });
        self
    }
}

fn schema<T: JsonSchema>(contract: Contract) -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.contract = contract;
        settings.meta_schema = None;
    });
    let settings = settings.with_transform(RecursiveTransform(with_limits));
    settings.into_generator().into_root_schema_for::<T>()
}

/// serde takes no number that its type cannot hold, and schemars leaves the limits of most types out.
fn with_limits(schema: &mut Schema) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => (Value::from(0), Value::from(u32::MAX)),
        Some("uint64" | "uint") => (Value::from(0), Value::from(u64::MAX)),
        Some("int32") => (Value::from(i32::MIN), Value::from(i32::MAX)),
        Some("int64" | "int") => (Value::from(i64::MIN), Value::from(i64::MAX)),
        _ => return,
    };
    for (name, limit) in [("minimum", least), ("maximum", most)] {
        if schema.get(name).is_none() {
            schema.insert(name.to_owned(), limit);
        }
    }
}
