//! Reads a line's own id and its parent's without parsing the rest of the line.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use serde::Deserialize;

static PARENT: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("__parent"));
static ITEM: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(ITEM_NAME));
const ITEM_NAME: &[u8] = br#""inventoryItem""#;

/// The types of objects that the queries return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum ObjectKind {
    Product,
    Variant,
    InventoryItem,
    InventoryLevel,
    Metafield,
    Collection,
    /// `DiscountNode`, `DiscountCodeNode` or `DiscountAutomaticNode`.
    Discount,
    RedeemCode,
    Location,
    Other,
}

impl ObjectKind {
    const ALL: [Self; 10] = [
        Self::Product,
        Self::Variant,
        Self::InventoryItem,
        Self::InventoryLevel,
        Self::Metafield,
        Self::Collection,
        Self::Discount,
        Self::RedeemCode,
        Self::Location,
        Self::Other,
    ];

    fn of(name: &[u8]) -> Self {
        match name {
            b"Product" => Self::Product,
            b"ProductVariant" => Self::Variant,
            b"InventoryItem" => Self::InventoryItem,
            b"InventoryLevel" => Self::InventoryLevel,
            b"Metafield" => Self::Metafield,
            b"Collection" => Self::Collection,
            b"DiscountNode" | b"DiscountCodeNode" | b"DiscountAutomaticNode" => Self::Discount,
            b"DiscountRedeemCode" => Self::RedeemCode,
            b"Location" => Self::Location,
            _ => Self::Other,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::Variant => "ProductVariant",
            Self::InventoryItem => "InventoryItem",
            Self::InventoryLevel => "InventoryLevel",
            Self::Metafield => "Metafield",
            Self::Collection => "Collection",
            Self::Discount => "DiscountNode",
            Self::RedeemCode => "DiscountRedeemCode",
            Self::Location => "Location",
            Self::Other => "object",
        }
    }
}

/// A global id in 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectId {
    pub(super) kind: ObjectKind,
    pub(super) number: u64,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.number)
    }
}

/// The size of an id in a temporary file, in bytes.
const OBJECT_ID_BYTES: usize = 1 + 8;
/// The size of a line's ids in a temporary file, in bytes.
pub(super) const LINE_IDS_BYTES: usize = 2 * OBJECT_ID_BYTES;
/// Stands for a missing parent.
const NO_OBJECT_ID: [u8; OBJECT_ID_BYTES] = [u8::MAX; OBJECT_ID_BYTES];

impl ObjectId {
    fn to_bytes(self) -> [u8; OBJECT_ID_BYTES] {
        let mut bytes = [self.kind as u8; OBJECT_ID_BYTES];
        bytes[1..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, number) = bytes.split_first()?;
        Some(Self {
            kind: *ObjectKind::ALL.get(usize::from(*kind))?,
            number: u64::from_le_bytes(*number.first_chunk()?),
        })
    }

    /// Parses `gid://shopify/Product/123`, with or without a query string.
    fn parse(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"gid://shopify/")?;
        let slash = memchr(b'/', rest)?;
        let digits = &rest[slash + 1..];
        let end = memchr(b'?', digits).unwrap_or(digits.len());
        let digits = &digits[..end];
        if digits.is_empty() {
            return None;
        }
        let mut number = 0u64;
        for digit in digits {
            let value = u64::from(digit.wrapping_sub(b'0'));
            if value > 9 {
                return None;
            }
            number = number.checked_mul(10)?.checked_add(value)?;
        }
        Some(Self {
            kind: ObjectKind::of(&rest[..slash]),
            number,
        })
    }
}

/// The ids of a line: its own and its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineIds {
    pub(super) id: ObjectId,
    pub(super) parent: Option<ObjectId>,
}

#[derive(Deserialize)]
struct WireLine<'l> {
    #[serde(borrow)]
    id: Cow<'l, str>,
    #[serde(default, rename = "__parentId")]
    parent: Option<String>,
}

impl LineIds {
    /// Reads the ids of a line; `None` if it is not an object with a global id.
    ///
    /// Shopify writes `id` first, `__parentId` last and no spaces. This form is recognised by its bytes, which cannot
    /// occur within a JSON string, where quotation marks are escaped. Any other form is parsed as JSON.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        Self::scan(line).or_else(|| Self::parse(line))
    }

    /// The form in a temporary file.
    pub(super) fn to_bytes(self) -> [u8; LINE_IDS_BYTES] {
        let mut bytes = [0; LINE_IDS_BYTES];
        bytes[..OBJECT_ID_BYTES].copy_from_slice(&self.id.to_bytes());
        bytes[OBJECT_ID_BYTES..]
            .copy_from_slice(&self.parent.map_or(NO_OBJECT_ID, ObjectId::to_bytes));
        bytes
    }

    /// The reverse of [`LineIds::to_bytes`]; `None` for other bytes.
    pub(super) fn from_bytes(bytes: &[u8; LINE_IDS_BYTES]) -> Option<Self> {
        let (id, parent) = bytes.split_at(OBJECT_ID_BYTES);
        Some(Self {
            id: ObjectId::from_bytes(id)?,
            parent: match parent {
                none if none == NO_OBJECT_ID => None,
                parent => Some(ObjectId::from_bytes(parent)?),
            },
        })
    }

    fn scan(line: &[u8]) -> Option<Self> {
        let id = ObjectId::parse(until_quote(line.strip_prefix(br#"{"id":""#)?)?)?;
        let body = line.strip_suffix(b"}")?;
        let parent = match trailing_parent_id(body) {
            Some(parent) => Some(ObjectId::parse(parent)?),
            None if PARENT.find(body).is_some() => return None,
            None => None,
        };
        Some(Self { id, parent })
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let wire: WireLine<'_> = serde_json::from_slice(line).ok()?;
        let id = ObjectId::parse(wire.id.as_bytes())?;
        let parent = match wire.parent {
            Some(parent) => Some(ObjectId::parse(parent.as_bytes())?),
            None => None,
        };
        Some(Self { id, parent })
    }
}

/// The value of `__parentId` if it is the last field of the object.
fn trailing_parent_id(body: &[u8]) -> Option<&[u8]> {
    let body = body.strip_suffix(b"\"")?;
    let quote = memrchr(b'"', body)?;
    let named = body[..=quote].ends_with(br#","__parentId":""#);
    named.then(|| &body[quote + 1..])
}

/// The bytes before the next quotation mark, which no global id contains.
fn until_quote(rest: &[u8]) -> Option<&[u8]> {
    Some(&rest[..memchr(b'"', rest)?])
}

/// Finds the inventory item in a variant's line: the offset at which a first field can be inserted, and the item's id.
///
/// `None` if the line has no such field, so it is not a complete variant.
pub(super) fn inventory_item(line: &[u8]) -> Option<(usize, ObjectId)> {
    let mut found = ITEM.find_iter(line);
    // The same bytes may be a string value.
    let offset = found.find_map(|offset| {
        let colon = skip_spaces(line, offset + ITEM_NAME.len());
        let brace = (line.get(colon) == Some(&b':')).then(|| skip_spaces(line, colon + 1))?;
        (line.get(brace) == Some(&b'{')).then_some(brace + 1)
    })?;
    let id = match line[offset..].strip_prefix(br#""id":""#) {
        Some(id) => ObjectId::parse(until_quote(id)?)?,
        None => parse_inventory_item(line)?,
    };
    Some((offset, id))
}

fn skip_spaces(line: &[u8], from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    from + rest
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

fn parse_inventory_item(line: &[u8]) -> Option<ObjectId> {
    #[derive(Deserialize)]
    struct Item {
        id: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Variant {
        inventory_item: Item,
    }
    let variant: Variant = serde_json::from_slice(line).ok()?;
    ObjectId::parse(variant.inventory_item.id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: ObjectKind, number: u64) -> ObjectId {
        ObjectId { kind, number }
    }

    #[test]
    fn scanning_and_parsing_agree() {
        let product = key(ObjectKind::Product, 1);
        for (line, id, parent) in [
            (
                r#"{"id":"gid://shopify/Product/1","title":"a"}"#,
                product,
                None,
            ),
            (r#"{"id":"gid://shopify/Product/1","n":1}"#, product, None),
            (
                r#"{"id":"gid://shopify/Product/1","o":{"id":"gid://shopify/Location/2"}}"#,
                product,
                None,
            ),
            (
                r#"{"id":"gid://shopify/ProductVariant/18446744073709551615","__parentId":"gid://shopify/Product/1"}"#,
                key(ObjectKind::Variant, u64::MAX),
                Some(product),
            ),
            (
                r#"{"__parentId":"gid://shopify/Product/1","id":"gid://shopify/Metafield/2","value":"x"}"#,
                key(ObjectKind::Metafield, 2),
                Some(product),
            ),
            (
                r#"{ "id" : "gid://shopify/Metafield/2" , "__parentId" : "gid://shopify/Product/1" }"#,
                key(ObjectKind::Metafield, 2),
                Some(product),
            ),
            (
                r#"{"id":"gid:\/\/shopify\/Metafield\/2","__parentId":"gid:\/\/shopify\/Product\/1"}"#,
                key(ObjectKind::Metafield, 2),
                Some(product),
            ),
            // Within a string it is not a field.
            (
                r#"{"id":"gid://shopify/Product/1","title":"\"__parentId\":\"gid://shopify/Product/9\""}"#,
                product,
                None,
            ),
            (
                r#"{"id":"gid://shopify/Product/1","title":",\"__parentId\":\"gid://shopify/Product/9"}"#,
                product,
                None,
            ),
            (
                r#"{"id":"gid://shopify/Product/1","o":{"a":"b","__parentId":"gid://shopify/Product/9"}}"#,
                product,
                None,
            ),
            (
                r#"{"title":"x","id":"gid://shopify/InventoryLevel/5?inventory_item_id=6","__parentId":"gid://shopify/Product/1"}"#,
                key(ObjectKind::InventoryLevel, 5),
                Some(product),
            ),
            (
                r#"{"id":"gid://shopify/Product/1","__parentId":null}"#,
                product,
                None,
            ),
        ] {
            let expected = LineIds { id, parent };
            assert_eq!(LineIds::read(line.as_bytes()), Some(expected), "{line}");
            assert_eq!(LineIds::parse(line.as_bytes()), Some(expected), "{line}");
        }
    }

    #[test]
    fn ids_survive_a_round_trip_through_bytes() {
        for (index, kind) in ObjectKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            let id = key(kind, u64::MAX - index as u64);
            for parent in [
                None,
                Some(key(ObjectKind::Product, 1)),
                Some(key(kind, 1 << 53)),
            ] {
                let ids = LineIds { id, parent };
                assert_eq!(LineIds::from_bytes(&ids.to_bytes()), Some(ids));
            }
        }
        assert_eq!(LineIds::from_bytes(&[u8::MAX; LINE_IDS_BYTES]), None);
    }

    #[test]
    fn lines_without_a_global_id_are_rejected() {
        for line in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"id":1}"#,
            r#"{"id":"1"}"#,
            r#"{"id":"gid://shopify/Product/"}"#,
            r#"{"id":"gid://shopify/Product/x"}"#,
            r#"{"id":"gid://shopify/Product/18446744073709551616"}"#,
            r#"{"id":"gid://shopify/Product/1","__parentId":"x"}"#,
            r#"{"id":"gid://shopify/Product/1","__parentId":5}"#,
            r#"{"id":"gid://shopify/Product/1""#,
        ] {
            assert_eq!(LineIds::read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn the_inventory_item_of_a_variant_is_found() {
        let item = key(ObjectKind::InventoryItem, 7);
        for line in [
            r#"{"title":"inventoryItem","inventoryItem" : {"sku":"","id":"gid://shopify/InventoryItem/7"}}"#,
            r#"{"id":"gid://shopify/ProductVariant/1","inventoryItem":{"id":"gid://shopify/InventoryItem/7","sku":""}}"#,
            r#"{"title":"\"inventoryItem\":{","inventoryItem":{"sku":"","id":"gid://shopify/InventoryItem/7"}}"#,
        ] {
            let (offset, id) = inventory_item(line.as_bytes()).unwrap();
            assert_eq!(id, item, "{line}");
            let before = line[..offset].replace(' ', "");
            assert!(before.ends_with(r#""inventoryItem":{"#), "{line}");
        }
        assert_eq!(inventory_item(br#"{"inventoryItem":null}"#), None);
    }
}
