//! Scalars that Shopify documents as strings.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// An amount with its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// A decimal, such as `10.0`.
    #[serde(deserialize_with = "text")]
    pub amount: String,
    /// ISO 4217.
    pub currency_code: String,
}

/// Deserialises a scalar that is documented as a string (`UnsignedInt64`, `Decimal`), and accepts a number too.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Scalar)
}

struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        let number = serde_json::Number::from_f64(number);
        let number = number.ok_or_else(|| E::custom("not a finite number"))?;
        Ok(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_kept_as_they_are_written() {
        for (text, amount) in [
            (r#"{"amount":"10.00","currencyCode":"EUR"}"#, "10.00"),
            (
                r#"{"amount":18446744073709551615,"currencyCode":"EUR"}"#,
                "18446744073709551615",
            ),
        ] {
            assert_eq!(serde_json::from_str::<Money>(text).unwrap().amount, amount);
        }
        for text in [
            r#"{"amount":null,"currencyCode":"EUR"}"#,
            r#"{"amount":true,"currencyCode":"EUR"}"#,
            r#"{"amount":"1"}"#,
        ] {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
    }
}
