//! The fields of an input, wherever they stand: in the path, in the query, in a form or in a JSON object.
//! serde sees one map of all of them, so a field that is there twice is an error of the input's own type.

use std::borrow::Cow;
use std::iter::empty;

use serde::de::value::{CowStrDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::invalid::InvalidInput;
use super::text::Text;

/// What goes wrong here is told in the words of `serde_json`, which knows places in a document.
type Error = serde_json::Error;

type Pair<'de> = (Cow<'de, str>, Cow<'de, str>);

/// All that a caller sent for an input. It is read as it is asked for: a list of pairs of a byte each would be
/// fifty times larger than what was sent.
pub(super) struct Fields<'de> {
    query: &'de [u8],
    has_body: bool,
    form: &'de [u8],
    json: Option<&'de [u8]>,
}

impl<'de> Fields<'de> {
    pub(super) fn of_query(query: &'de str) -> Self {
        Self {
            query: query.as_bytes(),
            has_body: false,
            form: &[],
            json: None,
        }
    }

    /// The body is bytes that stand for no fields.
    pub(super) fn add_raw(&mut self) {
        self.has_body = true;
    }

    pub(super) fn add_form(&mut self, body: &'de [u8]) {
        self.has_body = true;
        self.form = body;
    }

    pub(super) fn add_json(&mut self, body: &'de [u8]) -> Result<(), InvalidInput> {
        // Left to itself, serde would also fill a struct from an array.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(InvalidInput("the body must be a JSON object".to_owned()));
        }
        self.has_body = true;
        self.json = Some(body);
        Ok(())
    }

    /// All but those of a JSON object.
    fn pairs(&self) -> impl Iterator<Item = Pair<'de>> + use<'de> {
        form_urlencoded::parse(self.query).chain(form_urlencoded::parse(self.form))
    }

    /// Beside a body, a query says what it means: a field that the input does not have is refused rather
    /// than dropped without a word.
    fn check_query(&self, known: &[&str]) -> Result<(), Error> {
        let mut query = form_urlencoded::parse(self.query);
        match query.find(|(name, _)| self.has_body && !known.contains(&&**name)) {
            None => Ok(()),
            Some((name, _)) => {
                let what = format!("unknown field `{name}` in the query, beside a body");
                Err(Error::custom(what))
            }
        }
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let pairs = self.pairs();
        let Some(json) = self.json else {
            let rest = MapDeserializer::<_, Error>::new(empty::<(&str, &str)>());
            return visitor.visit_map(Chain::new(pairs, rest));
        };
        let mut document = serde_json::Deserializer::from_slice(json);
        let value = document.deserialize_map(After { pairs, visitor })?;
        document.end()?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.check_query(fields)?;
        self.deserialize_any(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_query(&[])?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

/// Gives a visitor of a map more entries than the map has: some pairs first.
struct After<P, V> {
    pairs: P,
    visitor: V,
}

impl<'de, P: Iterator<Item = Pair<'de>>, V: Visitor<'de>> Visitor<'de> for After<P, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Chain::new(self.pairs, map))
    }
}

/// Some pairs, then the entries of a map.
struct Chain<'de, P, A> {
    pairs: P,
    /// That of the pair whose name was given last.
    value: Option<Cow<'de, str>>,
    rest: A,
}

impl<P, A> Chain<'_, P, A> {
    fn new(pairs: P, rest: A) -> Self {
        Self {
            pairs,
            value: None,
            rest,
        }
    }
}

impl<'de, P: Iterator<Item = Pair<'de>>, A: MapAccess<'de>> MapAccess<'de> for Chain<'de, P, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some((name, value)) = self.pairs.next() else {
            return self.rest.next_key_seed(seed);
        };
        self.value = Some(value);
        let name: CowStrDeserializer<A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(Text::new(value)),
            None => self.rest.next_value_seed(seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::super::input::{Format, Source};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        id: u32,
        #[serde(default)]
        urgent: bool,
        street: Option<String>,
        #[serde(default)]
        size: Size,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        #[default]
        Small,
        Large,
    }

    fn parse(query: &str, format: Format, body: &'static str) -> Result<Order, String> {
        let source = Source {
            query: query.to_owned(),
            format,
            body: body.into(),
            ..Source::default()
        };
        source.parse().map_err(|err| err.to_string())
    }

    #[test]
    fn one_input_is_filled_from_everywhere() {
        let expected = Order {
            id: 7,
            urgent: true,
            street: Some("ü & co".to_owned()),
            size: Size::Large,
        };
        let query = "id=7&urgent=true&street=%C3%BC+%26+co&size=large";
        assert_eq!(parse(query, Format::Absent, "").unwrap(), expected);
        let (query, form) = query.split_at("id=7&urgent=true".len());
        let form: &'static str = form.trim_start_matches('&');
        assert_eq!(parse(query, Format::Form, form).unwrap(), expected);
        let json = r#" {"street": "ü & co", "size": "large"}"#;
        assert_eq!(parse(query, Format::Json, json).unwrap(), expected);
    }

    #[test]
    fn what_is_there_twice_is_refused_wherever_it_stands() {
        for (query, format, body) in [
            ("id=1&id=2", Format::Absent, ""),
            ("id=1", Format::Form, "id=2"),
            ("id=1", Format::Json, r#"{"id":1}"#),
            ("", Format::Json, r#"{"id":1,"id":1}"#),
        ] {
            let err = parse(query, format, body).unwrap_err();
            assert!(err.contains("duplicate field `id`"), "{err}");
        }
    }

    #[test]
    fn beside_raw_bytes_a_query_is_checked_too() {
        assert!(parse("id=1", Format::Raw, "bytes").is_ok());
        let err = parse("id=1&stret=a", Format::Raw, "bytes").unwrap_err();
        assert!(err.contains("unknown field `stret`"), "{err}");
        let source = Source {
            format: Format::Raw,
            ..Source::query("id=1")
        };
        assert!(source.parse::<()>().is_err());
    }

    #[test]
    fn a_query_beside_a_body_is_never_dropped() {
        let body = r#"{"id":1,"unknown":2}"#;
        assert!(parse("street=a", Format::Json, body).is_ok());
        let err = parse("stret=a", Format::Json, body).unwrap_err();
        assert!(err.contains("unknown field `stret`"), "{err}");
        // Without one it is as any other unknown field.
        assert!(parse("id=1&stret=a", Format::Absent, "").is_ok());
    }

    #[test]
    fn errors_name_the_field() {
        for (query, format, body, expected) in [
            ("id=x", Format::Absent, "", "id: invalid digit"),
            ("", Format::Json, r#"{"id":"x"}"#, "id: invalid type"),
            ("id=1&urgent=maybe", Format::Absent, "", "urgent: "),
            (
                "id=1&size=huge",
                Format::Absent,
                "",
                "size: unknown variant",
            ),
            ("", Format::Json, "[1]", "the body must be a JSON object"),
            ("", Format::Json, r#"{"id":1} x"#, "trailing characters"),
            ("", Format::Absent, "", "missing field `id`"),
        ] {
            let err = parse(query, format, body).unwrap_err();
            assert!(err.starts_with(expected), "{err}");
        }
    }

    #[test]
    fn a_type_without_fields_takes_any_query() {
        assert!(Source::query("a=1").parse::<()>().is_ok());
        assert!(Source::query("a=1").parse::<IgnoredAny>().is_ok());
    }
}
