//! Compresses the OpenAPI document for the program. `make openapi` writes it, from the types of `src/workload/`.

use std::path::Path;
use std::{env, fs};

use miniz_oxide::deflate::compress_to_vec;

/// What takes the least room.
const LEVEL: u8 = 10;

fn main() {
    println!("cargo::rerun-if-changed=openapi.json");
    // It is not there while it is to be made for the first time.
    let document = fs::read("openapi.json").unwrap_or_default();
    let made = env::var_os("OUT_DIR").expect("cargo names a folder");
    let made = Path::new(&made).join("openapi.json");
    fs::write(made, compress_to_vec(&document, LEVEL)).expect("cargo's folder can be written to");
}
