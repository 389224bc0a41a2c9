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

/// Reads a scalar that is documented as a text (`UnsignedInt64`, `Decimal`), but tolerates a number.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Scalar {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(text) => text,
        Scalar::Number(number) => number.to_string(),
    })
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
