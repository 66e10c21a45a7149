//! `/note?text=…`: logs a text. For what becomes of the lines that a workload writes.

use onelane::{Call, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// A line in the log.
pub struct Note;

/// What it says.
#[derive(Serialize, Deserialize)]
pub struct Text {
    text: String,
}

impl Workload for Note {
    const NAME: &'static str = "note";
    const ROUTES: &'static [Route] = &[Route::new("/note")];
    type Input = Text;
    type Output = Text;

    fn run(&self, Text { text }: Text, _: &Call) -> Result<Text, Stop> {
        let _span = tracing::info_span!("part", part = 1, level = "hidden").entered();
        tracing::info!(text, "note");
        Ok(Text { text })
    }
}
