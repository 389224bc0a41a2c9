//! Parses Shopify's global ids.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A global id such as `gid://shopify/Product/788032119674292922`. Its number may exceed 2^53.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gid {
    text: String,
    number: u64,
}

/// The text is not a global id that ends with a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a global id of the form gid://shopify/TYPE/NUMBER")]
pub struct InvalidGid;

impl Gid {
    /// Builds an id from type and number: `Gid::new("Product", 1)`.
    pub fn new(kind: &str, number: u64) -> Self {
        let text = format!("gid://shopify/{kind}/{number}");
        Self { text, number }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The type: `Product`, `DiscountCodeNode` and so on.
    pub fn kind(&self) -> &str {
        self.text.split('/').nth(3).unwrap_or_default()
    }

    /// The number.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl TryFrom<String> for Gid {
    type Error = InvalidGid;

    fn try_from(text: String) -> Result<Self, InvalidGid> {
        let rest = text.strip_prefix("gid://shopify/").ok_or(InvalidGid)?;
        let (kind, number) = rest.split_once('/').ok_or(InvalidGid)?;
        // Some ids have a query string: gid://shopify/InventoryLevel/1?inventory_item_id=2
        let number = number.split('?').next().unwrap_or_default();
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if kind.is_empty() || !digits {
            return Err(InvalidGid);
        }
        let number = number.parse().map_err(|_| InvalidGid)?;
        Ok(Self { text, number })
    }
}

impl From<Gid> for String {
    fn from(gid: Gid) -> Self {
        gid.text
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_parsed_exactly() {
        let gid = Gid::try_from("gid://shopify/Product/9007199254740993".to_owned()).unwrap();
        assert_eq!(
            (gid.kind(), gid.number()),
            ("Product", 9_007_199_254_740_993)
        );
        assert_eq!(gid, Gid::new("Product", 9_007_199_254_740_993));
        let level = "gid://shopify/InventoryLevel/5?inventory_item_id=6".to_owned();
        assert_eq!(Gid::try_from(level).unwrap().number(), 5);
    }

    #[test]
    fn anything_else_is_rejected() {
        for text in [
            "",
            "1",
            "gid://shopify/Product",
            "gid://shopify/Product/",
            "gid://shopify/Product/x",
            "gid://shopify/Product/-1",
            "gid://shopify/Product/+1",
            "gid://shopify//1",
            "gid://other/Product/1",
            "gid://shopify/Product/18446744073709551616",
        ] {
            assert_eq!(Gid::try_from(text.to_owned()), Err(InvalidGid), "{text}");
        }
    }
}
