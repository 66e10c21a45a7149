//! Writes a table to try: `cargo run --example table -- 200000 128 table.bin` makes 100 MB of random rows.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [rows, dimension, file] = &arguments[..] else {
        return Err("three arguments are needed: ROWS DIMENSION FILE".into());
    };
    let (rows, dimension): (u32, u32) = (rows.parse()?, dimension.parse()?);
    let mut random = fastrand::Rng::with_seed(1);
    let mut file = BufWriter::new(File::create(file)?);
    file.write_all(b"VEC1")?;
    file.write_all(&dimension.to_le_bytes())?;
    for _ in 0..u64::from(rows) * u64::from(dimension) {
        file.write_all(&(random.f32() - 0.5).to_le_bytes())?;
    }
    file.flush()?;
    Ok(())
}
