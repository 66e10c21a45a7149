//! `/allocate?mib=N`: takes memory, and uses all of it.

use serde::{Deserialize, Serialize};

use crate::workload::{Call, Route, Stop, Workload, at_most};

/// Memory in use.
#[derive(Debug)]
pub struct Allocate;

/// A TiB: more than any machine gives.
const MAX_MIB: u64 = 1 << 20;

/// How much, as input and as output.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mebibytes {
    /// At most 2^20, a TiB.
    #[serde(deserialize_with = "at_most::<_, MAX_MIB>")]
    mib: u64,
}

impl Workload for Allocate {
    const NAME: &'static str = "allocate";
    const ROUTES: &'static [Route] = &[Route::new("/allocate")];
    type Input = Mebibytes;
    type Output = Mebibytes;

    fn run(&self, input: Mebibytes, call: &Call) -> Result<Mebibytes, Stop> {
        let mut taken = Vec::new();
        for _ in 0..input.mib {
            call.check()?;
            // Not zeros, which the kernel gives without giving memory.
            taken.push(vec![1_u8; 1 << 20]);
        }
        std::hint::black_box(&taken);
        Ok(input)
    }
}
