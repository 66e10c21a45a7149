//! `/tally?how=…`: counts, sets and observes series of its own. For what becomes of them on their way.

use onelane::{Call, Route, Series, Stop, Workload};
use serde::{Deserialize, Serialize};

/// Nothing but numbers.
pub struct Tally;

/// Which of them.
#[derive(Deserialize)]
pub struct Input {
    how: How,
    #[serde(default)]
    format: String,
    #[serde(default)]
    value: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// All three kinds.
    Rightly,
    /// And then a panic.
    Panicking,
    /// And then a sleep of an hour.
    Sleeping,
    /// A series that is not declared.
    Undeclared,
}

/// Nothing.
#[derive(Serialize)]
pub struct Output {}

const IMAGES: Series =
    Series::counter("images_total", "Images by format").label("format", &["jpeg", "png"]);
const CACHED: Series = Series::gauge("cached_images", "Images that are kept");
const MEGAPIXELS: Series =
    Series::histogram("image_megapixels", "Size of images", &[1.0, 10.0, 100.0]);
const UNDECLARED: Series = Series::counter("undeclared_total", "This is not declared");

impl Workload for Tally {
    const NAME: &'static str = "tally";
    const ROUTES: &'static [Route] = &[Route::new("/tally")];
    const SERIES: &'static [Series] = &[IMAGES, CACHED, MEGAPIXELS];
    type Input = Input;
    type Output = Output;

    fn run(&self, Input { how, format, value }: Input, call: &Call) -> Result<Output, Stop> {
        if let How::Undeclared = how {
            call.count(&UNDECLARED, 1.0);
            return Ok(Output {});
        }
        call.count(IMAGES.of(&format), 1.0);
        call.set(&CACHED, value);
        call.observe(&MEGAPIXELS, value);
        match how {
            How::Panicking => panic!("on purpose"),
            How::Sleeping => call.sleep(std::time::Duration::from_hours(1))?,
            How::Rightly | How::Undeclared => {}
        }
        Ok(Output {})
    }
}
