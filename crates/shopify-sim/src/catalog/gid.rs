//! Parses and writes global ids such as `gid://shopify/Product/123`.

use std::fmt;

/// A parsed global id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gid<'a> {
    /// The type's name, such as `Product`.
    pub(crate) kind: &'a str,
    /// The numeric id.
    pub(crate) id: u64,
    /// The text after a question mark, which the ids of inventory levels have.
    pub(crate) query: Option<&'a str>,
}

impl<'a> Gid<'a> {
    /// Parses a global id; `None` if `text` is not one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("gid://shopify/")?;
        let (kind, rest) = rest.split_once('/')?;
        let (number, query) = match rest.split_once('?') {
            Some((number, query)) => (number, Some(query)),
            None => (rest, None),
        };
        let plain =
            |text: &str, test: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| test(&b));
        if !plain(kind, u8::is_ascii_alphanumeric) || !plain(number, u8::is_ascii_digit) {
            return None;
        }
        Some(Self {
            kind,
            id: number.parse().ok()?,
            query,
        })
    }

    /// The inventory item in an inventory level's id.
    pub(crate) fn inventory_item(&self) -> Option<u64> {
        self.query?.strip_prefix("inventory_item_id=")?.parse().ok()
    }
}

/// The global id of the object of type `kind` with the numeric id `id`.
pub(crate) fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The global id of an inventory level, which names the location and the item.
pub(crate) fn level_gid(location: u64, item: u64) -> impl fmt::Display {
    format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_ids_can_be_parsed() {
        let text = gid("Product", u64::MAX);
        let parsed = Gid::parse(&text).unwrap();
        assert_eq!((parsed.kind, parsed.id), ("Product", u64::MAX));
        let level = level_gid(7, 9).to_string();
        let level = Gid::parse(&level).unwrap();
        assert_eq!((level.id, level.inventory_item()), (7, Some(9)));
    }

    #[test]
    fn invalid_ids_are_rejected() {
        for text in [
            "",
            "1",
            "gid://shopify/Product/",
            "gid://shopify//1",
            "gid://shopify/Product/-1",
            "gid://shopify/Product/1/2",
            "gid://other/Product/1",
            "gid://shopify/Product/18446744073709551616",
            "gid://shopify/Pro duct/1",
            "GID://shopify/Product/1",
            "gid://shopify/Product/+1",
        ] {
            assert_eq!(Gid::parse(text), None, "{text}");
        }
    }
}
