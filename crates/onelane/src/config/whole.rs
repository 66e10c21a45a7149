//! A setting that is a whole number, of a file or of a variable. Left to itself, the crate `config` makes 1 of `yes`, 2
//! of 1.6 and 0 of `nan`.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// For `#[serde(deserialize_with = "whole")]`.
pub(super) fn whole<'de, D: Deserializer<'de>, N: TryFrom<u64>>(source: D) -> Result<N, D::Error> {
    source.deserialize_any(Whole(PhantomData))
}

struct Whole<N>(PhantomData<N>);

impl<N: TryFrom<u64>> Visitor<'_> for Whole<N> {
    type Value = N;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number below 2^{}", 8 * size_of::<N>())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<N, E> {
        let wrong = || E::invalid_value(Unexpected::Unsigned(number), &self);
        N::try_from(number).map_err(|_| wrong())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<N, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    /// Variables are text.
    fn visit_str<E: Error>(self, text: &str) -> Result<N, E> {
        match text.parse() {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}
