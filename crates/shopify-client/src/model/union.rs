//! Deserialises GraphQL unions.

/// Defines an enum for a GraphQL union: a variant for each type, selected by `__typename`, and `Other` for types that a
/// later API version adds, with the JSON unchanged.
///
/// Only the name selects the variant: a known type with unexpected fields is an error, never `Other`.
macro_rules! union {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $tag:ident($member:ty),)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(tag = "__typename")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$member_doc])* $tag($member),)+
            /// A type that this version does not know, with its `__typename`.
            #[serde(untagged)]
            Other(serde_json::Map<String, serde_json::Value>),
        }

        impl $name {
            /// `__typename`
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$tag(_) => stringify!($tag),)+
                    Self::Other(fields) => {
                        fields.get("__typename").and_then(|name| name.as_str()).unwrap_or_default()
                    }
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;

                let fields = serde_json::Map::deserialize(deserializer)?;
                let name = fields.get("__typename").and_then(|name| name.as_str());
                match name.ok_or_else(|| D::Error::missing_field("__typename"))? {
                    $(stringify!($tag) => {
                        serde_path_to_error::deserialize(serde_json::Value::Object(fields))
                            .map(Self::$tag)
                            .map_err(D::Error::custom)
                    })+
                    _ => Ok(Self::Other(fields)),
                }
            }
        }
    };
}

pub(super) use union;

#[cfg(test)]
#[expect(unreachable_pub, reason = "what the macro defines is public")]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Apple {
        seeds: u8,
    }

    union! {
        /// Fruit.
        Fruit {
            /// An apple.
            Apple(Apple),
        }
    }

    #[test]
    fn known_and_unknown_types_serialise_as_they_were_read() {
        for (text, name) in [
            (r#"{"__typename":"Apple","seeds":5}"#, "Apple"),
            (r#"{"__typename":"Pear","ripe":{"soon":true}}"#, "Pear"),
        ] {
            let fruit: Fruit = serde_json::from_str(text).unwrap();
            assert_eq!(fruit.type_name(), name);
            assert_eq!(serde_json::to_string(&fruit).unwrap(), text);
        }
    }

    #[test]
    fn a_known_type_with_wrong_fields_is_an_error() {
        for text in [
            r#"{"__typename":"Apple"}"#,
            r#"{"__typename":"Apple","seeds":"five"}"#,
            r#"{"seeds":5}"#,
            r#"{"__typename":5}"#,
            "null",
            "[]",
        ] {
            assert!(serde_json::from_str::<Fruit>(text).is_err(), "{text}");
        }
        let error = serde_json::from_str::<Fruit>(r#"{"__typename":"Apple","seeds":"five"}"#);
        assert!(error.unwrap_err().to_string().starts_with("seeds: "));
    }
}
