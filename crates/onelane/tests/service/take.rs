//! `/take/…`: tells what it was sent, of every kind of body. For what becomes of bodies on their way.

use onelane::{Body, Call, Example, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// Takes bytes: `POST /take/bytes?width=N`, PNG or any kind of text, up to 8 MiB.
pub struct TakeBytes;

#[derive(Deserialize)]
pub struct Width {
    #[serde(default)]
    width: u32,
}

#[derive(Serialize)]
pub struct Taken {
    width: u32,
    bytes: usize,
    /// Of all bytes, modulo 2^32.
    sum: u32,
    /// The `Idempotency-Key`.
    key: Option<String>,
}

impl Workload for TakeBytes {
    const NAME: &'static str = "take-bytes";
    const ROUTES: &'static [Route] = &[Route::post(
        "/take/bytes",
        Body::raw(&["image/png", "text/*"]).limit(8 << 20),
    )];
    type Input = Width;
    type Output = Taken;

    fn run(&self, Width { width }: Width, call: &Call) -> Result<Taken, Stop> {
        let bytes = call.body();
        Ok(Taken {
            key: call.header("Idempotency-Key").map(str::to_owned),
            width,
            bytes: bytes.len(),
            sum: bytes
                .iter()
                .fold(0, |sum, byte| sum.wrapping_add((*byte).into())),
        })
    }
}

/// Takes the fields of a thing, from its path, a query, and a form or a JSON object.
pub struct TakeFields;

#[derive(Serialize, Deserialize)]
pub struct Thing {
    id: String,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    name: Option<String>,
}

impl Workload for TakeFields {
    const NAME: &'static str = "take-fields";
    const ROUTES: &'static [Route] = &[
        Route::get("/take/{id}"),
        Route::post("/take/{id}", Body::FORM),
        Route::put("/take/{id}", Body::JSON.limit(1000)).examples(&[
            // In the way of a shell, of HTML and of xargs.
            Example::new("A thing", "").body(r#"{"count":3,"name":"it's </textarea>{}"}"#),
        ]),
        Route::patch("/take/{id}/{count}", Body::JSON),
        Route::delete("/take/{id}"),
    ];
    type Input = Thing;
    type Output = Thing;

    fn run(&self, thing: Thing, _: &Call) -> Result<Thing, Stop> {
        Ok(thing)
    }
}
