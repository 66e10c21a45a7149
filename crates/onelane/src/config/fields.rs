//! What a type that is read with serde calls its fields, without a value of it.

use std::fmt::{self, Display, Formatter};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// The fields of `T`; none if it has none that are known beforehand, like a map.
pub(super) fn of<'de, T: Deserialize<'de>>() -> Option<&'static [&'static str]> {
    T::deserialize(NameProbe).err()?.0
}

/// Is asked for a value, has none, and tells what the question was.
struct NameProbe;

/// The names in the question.
#[derive(Debug)]
struct Names(Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for NameProbe {
    type Error = Names;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Names> {
        Err(Names(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Names> {
        Err(Names(Some(fields)))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Names> {
        Err(Names(Some(&[])))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Names> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl Display for Names {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("there is no value")
    }
}

impl std::error::Error for Names {}

impl de::Error for Names {
    fn custom<T: Display>(_: T) -> Self {
        Self(None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its names are asked for")]
    struct Settings {
        first: u8,
        #[serde(rename = "second")]
        other: String,
    }

    #[test]
    fn a_struct_tells_its_fields() {
        assert_eq!(of::<Settings>(), Some(&["first", "second"][..]));
        assert_eq!(of::<()>(), Some(&[][..]));
        assert_eq!(of::<BTreeMap<String, u8>>(), None);
    }
}
