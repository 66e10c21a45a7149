//! What a workload says of its types, in the words of a document: its schemas are components, under names of their
//! own.

use serde_json::{Map, Value, json};

use crate::workload::Definition;

/// What is known of a workload's types. Of one that does not describe itself, nothing is.
pub(super) struct Described {
    /// Its name as the beginning of a component's: `TakeBytes`.
    pub(super) name: String,
    pub(super) summary: Option<String>,
    pub(super) description: Option<String>,
    /// The schema of the input.
    pub(super) input: Option<Value>,
    pub(super) outputs: Vec<Output>,
}

/// One of its answers.
pub(super) struct Output {
    pub(super) status: u16,
    pub(super) description: String,
    pub(super) content: Option<Value>,
}

impl Described {
    /// Puts the schemas among the components.
    pub(super) fn of(workload: &Definition, components: &mut Value) -> Self {
        let name = pascal(workload.name);
        let Some(schemas) = (workload.schemas)() else {
            return Self {
                name,
                summary: None,
                description: None,
                input: None,
                outputs: Vec::new(),
            };
        };
        let mut types = Types {
            components,
            workload: &name,
        };
        let input = types.take(schemas.input.to_value(), "Input");
        let (mut summary, mut description) = paragraphs(&input);
        if let Some(given) = schemas.summary {
            summary = Some(given.to_owned());
            description = None;
        }
        let outputs = schemas.outputs.into_iter();
        let outputs = outputs.map(|output| {
            let schema = output
                .schema
                .map(|schema| types.take(schema.to_value(), "Output"));
            let told = schema
                .as_ref()
                .and_then(|schema| schema["description"].as_str());
            let description = told.unwrap_or("The answer.").to_owned();
            let schema = schema.map(|schema| types.add(output.status, schema));
            let content = output.types.iter().map(|of| {
                let media = schema
                    .as_ref()
                    .map_or(json!({}), |schema| json!({ "schema": schema }));
                ((*of).to_owned(), media)
            });
            Output {
                status: output.status,
                description,
                content: (!output.types.is_empty()).then(|| content.collect::<Map<_, _>>().into()),
            }
        });
        let outputs = outputs.collect();
        Self {
            name,
            summary,
            description,
            input: Some(input),
            outputs,
        }
    }
}

/// The schemas of a workload, on their way to the components.
struct Types<'a> {
    components: &'a mut Value,
    workload: &'a str,
}

impl Types<'_> {
    /// A schema without those that stand in it under names: they are components now, as `ScoreInputColor`.
    fn take(&mut self, mut schema: Value, side: &str) -> Value {
        let prefix = format!("{}{side}", self.workload);
        if let Some(members) = schema.as_object_mut() {
            members.shift_remove("title");
            let named = members.shift_remove("$defs");
            refer(&mut schema, &prefix);
            if let Some(Value::Object(named)) = named {
                for (name, mut schema) in named {
                    refer(&mut schema, &prefix);
                    self.components["schemas"][format!("{prefix}{name}")] = schema;
                }
            }
        }
        schema
    }

    /// A reference to the schema of an output, which is a component now: `ScoreOutput`, or `ScoreOutput201`.
    fn add(&mut self, status: u16, schema: Value) -> Value {
        let end = if status == 200 {
            String::new()
        } else {
            status.to_string()
        };
        let name = format!("{}Output{end}", self.workload);
        self.components["schemas"][&name] = schema;
        reference("schemas", &name)
    }
}

/// A reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Has every reference lead to a component, whose name begins with `prefix`.
fn refer(schema: &mut Value, prefix: &str) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("$ref", Some(target)) => {
                        let name = target.trim_start_matches('#').trim_start_matches("/$defs/");
                        *member = format!("#/components/schemas/{prefix}{name}").into();
                    }
                    _ => refer(member, prefix),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, prefix)),
        _ => {}
    }
}

/// The first paragraph of a comment, and the rest of it.
fn paragraphs(schema: &Value) -> (Option<String>, Option<String>) {
    let Some(text) = schema["description"].as_str() else {
        return (None, None);
    };
    match text.split_once("\n\n") {
        Some((first, rest)) => (Some(first.to_owned()), Some(rest.to_owned())),
        None => (Some(text.to_owned()), None),
    }
}

/// `TakeBytes` for `take-bytes`.
fn pascal(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let word = |word: &str| {
        let mut word = word.to_owned();
        word.get_mut(..1).map(str::make_ascii_uppercase);
        word
    };
    words.map(word).collect()
}
