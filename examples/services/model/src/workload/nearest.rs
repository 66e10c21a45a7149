//! `POST /nearest` with `{"vector":[…],"count":5}`: the rows of a table that are nearest to a vector.

use std::error::Error;
use std::path::PathBuf;

use onelane::{Body, Call, Load, Reason, Route, Stop, Workload, at_most};
use serde::{Deserialize, Serialize};

use super::table::Table;

/// The table, which is loaded once and never changes.
#[derive(Debug)]
pub struct Model(Table);

/// `[model]` in a file, or `ONELANE_MODEL_TABLE`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Settings {
    /// Without one, there is a small table to try.
    #[serde(default)]
    table: Option<PathBuf>,
}

impl Load for Model {
    type Settings = Settings;

    fn load(Settings { table }: Settings) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let Some(table) = table else {
            return Ok(Self(Table::sample()));
        };
        match Table::read(&table) {
            Ok(table) => Ok(Self(table)),
            Err(err) => Err(format!("{}: {err}", table.display()).into()),
        }
    }
}

const MAX_COUNT: u64 = 100;

const UNLIKE: Reason = Reason::new(422, "unlike_the_table", "This vector is unlike the table");

/// The rows of the table that are nearest to a vector.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Input {
    /// As many numbers as a row has.
    vector: Vec<f32>,
    /// How many rows.
    #[cfg_attr(feature = "openapi", schemars(range(max = MAX_COUNT)))]
    #[serde(default = "a_few", deserialize_with = "at_most::<_, MAX_COUNT>")]
    count: u64,
}

fn a_few() -> u64 {
    5
}

/// Nearest first.
#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Output {
    nearest: Vec<Neighbour>,
}

/// A row of the table, counted from 0.
#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Neighbour {
    row: usize,
    distance: f64,
}

impl Workload for Model {
    const NAME: &'static str = "model";
    const ROUTES: &'static [Route] = &[Route::post("/nearest", Body::JSON)];
    const REASONS: &'static [Reason] = &[UNLIKE];
    type Input = Input;
    type Output = Output;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        Some(onelane::Schemas::of::<Input, Output>())
    }

    fn run(&self, Input { vector, count }: Input, call: &Call) -> Result<Output, Stop> {
        let (length, dimension) = (vector.len(), self.0.dimension);
        if length != dimension || !vector.iter().all(|number| number.is_finite()) {
            let detail = format!("It has {length} numbers; a row has {dimension}, of 32 bits");
            return Err(UNLIKE.detail(detail).field("dimension", dimension).into());
        }
        let mut nearest: Vec<Neighbour> = Vec::new();
        for (row, values) in self.0.rows().enumerate() {
            call.check()?;
            let distance = distance(values, &vector);
            let place = nearest.partition_point(|other| other.distance <= distance);
            nearest.insert(place, Neighbour { row, distance });
            nearest.truncate(usize::try_from(count)?);
        }
        Ok(Output { nearest })
    }
}

/// As the crow flies. In 64 bits, where no square of a number of 32 bits is infinite.
fn distance(one: &[f32], other: &[f32]) -> f64 {
    let pairs = one.iter().zip(other);
    let squares = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests;
