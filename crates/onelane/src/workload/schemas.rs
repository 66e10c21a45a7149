//! What inputs and outputs look like, as JSON Schema.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// The schemas of a workload, as [`Workload::schemas`](super::Workload::schemas) tells them.
#[derive(Debug)]
pub struct Schemas {
    pub(crate) input: Schema,
    /// None where no JSON comes back.
    pub(crate) output: Option<Schema>,
}

impl Schemas {
    /// Of an input, and of an output that is JSON.
    pub fn of<Input: JsonSchema, Output: JsonSchema>() -> Self {
        let written = SchemaSettings::draft2020_12().for_serialize();
        let output = written.into_generator().into_root_schema_for::<Output>();
        Self {
            output: Some(output),
            ..Self::of_input::<Input>()
        }
    }

    /// Of an input alone, where the output is something else than JSON.
    pub fn of_input<Input: JsonSchema>() -> Self {
        let read = SchemaSettings::draft2020_12().for_deserialize();
        Self {
            input: read.into_generator().into_root_schema_for::<Input>(),
            output: None,
        }
    }
}
