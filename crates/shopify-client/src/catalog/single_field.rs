//! Deserialises an object with exactly one field.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// The value of an object's only field, whatever its name. Most operations have one root field.
pub(super) struct SingleField<T>(pub(super) T);

struct SingleFieldVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SingleFieldVisitor<T> {
    type Value = SingleField<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one field")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SingleField<T>, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == "__typename" {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("there is more than one field"));
            }
        }
        found
            .map(SingleField)
            .ok_or_else(|| A::Error::custom("there is no field"))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for SingleField<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SingleFieldVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_field_is_accepted() {
        let read = serde_json::from_str::<SingleField<Option<u8>>>;
        assert_eq!(read(r#"{"a":1}"#).unwrap().0, Some(1));
        assert_eq!(read(r#"{"__typename":"A","b":null}"#).unwrap().0, None);
        for text in [
            "{}",
            r#"{"a":1,"b":2}"#,
            r#"{"__typename":"A"}"#,
            "null",
            "[1]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
