//! `/echo?number=N`, also `/?number=N`: answers with its input. For what becomes of inputs on their way.

use onelane::{Call, Example, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// Nothing but its input.
pub struct Echo;

/// What is echoed: a field of each kind that has rules.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Said {
    number: u64,
    #[serde(default)]
    tone: Tone,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fraction: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// One of a few names.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Tone {
    #[default]
    Plain,
    Loud,
}

impl Workload for Echo {
    const NAME: &'static str = "echo";
    const ROUTES: &'static [Route] = &[
        Route::new("/echo").examples(&[
            Example::new("Seven", "number=7"),
            // In the way of everything that it goes through: HTML, URLs, shells, curl, xargs.
            Example::new(
                r#"<script>"&'"#,
                r#"number=8&text=it's "$HOME" {1,2} [3-4] `id` \ #<{}>"#,
            )
            .note(r#"<b>"&'"#)
            .times(2),
        ]),
        Route::new("/"),
    ];
    type Input = Said;
    type Output = Said;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        Some(onelane::Schemas::of::<Said, Said>())
    }

    fn run(&self, said: Said, _: &Call) -> Result<Said, Stop> {
        Ok(said)
    }
}
