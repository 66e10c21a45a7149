//! The table on disk: `VEC1`, how many numbers a row has (32 bits), then row after row of floats (32 bits
//! each). All numbers are little-endian.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Rows of equal length.
#[derive(Debug)]
pub struct Table {
    /// How many numbers a row has.
    pub dimension: usize,
    values: Vec<f32>,
}

impl Table {
    /// To try without a file: a thousand points with numbers from 0 to 9. Row 123 is (1, 2, 3).
    pub fn sample() -> Self {
        let point = |row: u16| [row / 100, row / 10 % 10, row % 10].map(f32::from);
        Self {
            dimension: 3,
            values: (0..1000).flat_map(point).collect(),
        }
    }

    /// Reads it row by row, so that it is never in memory twice.
    pub fn read(path: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut file = BufReader::new(File::open(path)?);
        let mut head = Vec::new();
        file.by_ref().take(8).read_to_end(&mut head)?;
        let dimension = head.strip_prefix(b"VEC1").map(<[u8; 4]>::try_from);
        let Some(Ok(dimension)) = dimension else {
            return Err("it is no table, which begins with VEC1".into());
        };
        let dimension = usize::try_from(u32::from_le_bytes(dimension))?;
        let length = usize::try_from(file.get_ref().metadata()?.len())?;
        let bytes = length.saturating_sub(head.len());
        let row_bytes = 4 * dimension;
        if bytes == 0 || bytes.checked_rem(row_bytes) != Some(0) {
            return Err(format!("it does not consist of rows of {dimension} numbers").into());
        }
        let (mut row, mut values) = (vec![0; row_bytes], Vec::with_capacity(bytes / 4));
        for _ in 0..bytes / row_bytes {
            file.read_exact(&mut row)?;
            values.extend(row.as_chunks().0.iter().copied().map(f32::from_le_bytes));
        }
        if !values.iter().all(|value| f32::is_finite(*value)) {
            return Err("a value in it is no number".into());
        }
        Ok(Self { dimension, values })
    }

    /// In the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension)
    }
}
