//! `/upload` and `/upload/picture`: tell what a form had in it. For what becomes of files on their way.

use std::io::Read;

use onelane::{Body, Call, Route, Stop, Upload, Workload};
use serde::{Deserialize, Serialize};

/// Takes any files; `/upload/picture` wants one of this name.
pub struct TakeFiles;

#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    note: String,
    #[serde(default)]
    count: u32,
    /// How long to sleep, when everything has come.
    #[serde(default)]
    ms: u64,
}

#[derive(Serialize)]
pub struct Output {
    note: String,
    count: u32,
    files: Vec<Taken>,
}

#[derive(Serialize)]
struct Taken {
    name: String,
    file_name: String,
    content_type: String,
    bytes: u64,
    /// Of all bytes, modulo 2^32.
    sum: u32,
}

impl Workload for TakeFiles {
    const NAME: &'static str = "take-files";
    const ROUTES: &'static [Route] = &[
        Route::post("/upload", BODY),
        Route::put("/upload/picture", BODY.required(&["picture"])),
    ];
    type Input = Input;
    type Output = Output;

    fn run(&self, Input { note, count, ms }: Input, call: &Call) -> Result<Output, Stop> {
        let files = call.files().iter().map(taken).collect::<Result<_, _>>()?;
        call.sleep(std::time::Duration::from_millis(ms))?;
        Ok(Output { note, count, files })
    }
}

const BODY: Body = Body::multipart().limit(8 << 20).file_limit(4 << 20);

/// The same by each way to read it.
fn taken(upload: &Upload) -> Result<Taken, Stop> {
    let bytes = upload.bytes()?;
    let mut read = Vec::new();
    upload.open()?.read_to_end(&mut read)?;
    assert!(read == *bytes && std::fs::read(upload.path()?)? == *bytes);
    Ok(Taken {
        name: upload.name().to_owned(),
        file_name: upload.file_name().to_owned(),
        content_type: upload.content_type().to_owned(),
        bytes: upload.len(),
        sum: bytes
            .iter()
            .fold(0, |sum, byte| sum.wrapping_add((*byte).into())),
    })
}
