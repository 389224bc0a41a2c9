//! Defines items, the units in which a catalogue is read, compared, mirrored and published.

use std::fmt;
use std::str::FromStr;

use crate::Timestamp;

/// The number at the end of a Shopify global id. It can exceed 2^53, so it is never written as a JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(i64);

impl ItemId {
    /// Creates an id, unless the number exceeds a signed 64-bit integer (Shopify's own limit).
    pub fn new(number: u64) -> Option<Self> {
        i64::try_from(number).ok().map(Self)
    }

    /// The id as databases store it; never negative.
    pub fn as_i64(self) -> i64 {
        self.0
    }

    /// The id as an unsigned number.
    pub fn as_u64(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of object that a key can identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKind {
    /// The shop itself; there is one, [`ItemKey::SHOP`].
    Shop,
    /// A stock location.
    Location,
    /// A product with all its variants, inventory levels and metafields.
    Product,
    /// A collection with its full membership.
    Collection,
    /// A code or automatic discount of any kind, with all its codes.
    Discount,
    /// The stock-keeping unit of a variant. Not an item of its own: as a reference or a dirty item it stands for the
    /// products it belongs to.
    InventoryItem,
}

impl ItemKind {
    /// The kinds that are items, in the order in which a full scan reads them.
    pub const SCANNED: [Self; 5] = [
        Self::Shop,
        Self::Location,
        Self::Product,
        Self::Collection,
        Self::Discount,
    ];

    /// The name used in storage, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Location => "location",
            Self::Product => "product",
            Self::Collection => "collection",
            Self::Discount => "discount",
            Self::InventoryItem => "inventory_item",
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a name that [`ItemKind::as_str`] returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown item kind `{0}`")]
pub struct UnknownKind(pub String);

impl FromStr for ItemKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::SCANNED
            .into_iter()
            .chain([Self::InventoryItem])
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// Identifies one object within a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    /// The kind.
    pub kind: ItemKind,
    /// The id.
    pub id: ItemId,
}

impl ItemKey {
    /// The key of the shop's own item.
    pub const SHOP: Self = Self {
        kind: ItemKind::Shop,
        id: ItemId(0),
    };

    /// Creates a key.
    pub fn new(kind: ItemKind, id: ItemId) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// The part of the published document that contains an item. Sections are ordered as canonical JSON sorts their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// `data.automaticDiscountNodes`
    AutomaticDiscounts,
    /// `data.codeDiscountNodes`
    CodeDiscounts,
    /// `data.collections`
    Collections,
    /// `data.locations`
    Locations,
    /// `data.products`
    Products,
    /// `data.shop`
    Shop,
}

impl Section {
    /// All sections, in document order.
    pub const ALL: [Self; 6] = [
        Self::AutomaticDiscounts,
        Self::CodeDiscounts,
        Self::Collections,
        Self::Locations,
        Self::Products,
        Self::Shop,
    ];

    /// The section's name in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::AutomaticDiscounts => "automaticDiscountNodes",
            Self::CodeDiscounts => "codeDiscountNodes",
            Self::Collections => "collections",
            Self::Locations => "locations",
            Self::Products => "products",
            Self::Shop => "shop",
        }
    }
}

/// The text is not a name that [`Section::name`] returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown section `{0}`")]
pub struct UnknownSection(pub String);

impl FromStr for Section {
    type Err = UnknownSection;

    fn from_str(name: &str) -> Result<Self, UnknownSection> {
        Self::ALL
            .into_iter()
            .find(|section| section.name() == name)
            .ok_or_else(|| UnknownSection(name.to_owned()))
    }
}

/// The SHA-256 hash of canonical JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in hexadecimal")]
pub struct InvalidHash;

impl FromStr for ContentHash {
    type Err = InvalidHash;

    fn from_str(hex: &str) -> Result<Self, InvalidHash> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(InvalidHash);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(InvalidHash);
            let value = nibble(pair[0])? * 16 + nibble(pair[1])?;
            *byte = u8::try_from(value).map_err(|_| InvalidHash)?;
        }
        Ok(Self(bytes))
    }
}

/// A complete item, as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: ItemKey,
    /// The section of the document that contains it.
    pub section: Section,
    /// Canonical JSON (RFC 8785), byte for byte as in the document.
    pub body: String,
    /// The SHA-256 hash of `body`.
    pub hash: ContentHash,
    /// When the shop last changed it, if Shopify reports it.
    pub updated_at: Option<Timestamp>,
    /// The denormalised fields: the text of those fields that other items repeat (a product's title in its collections, a
    /// location's name in stock levels). When it changes, the items that refer to this one are read again. Empty if no
    /// field is repeated.
    pub denorm_fields: String,
    /// The keys this item refers to: the objects whose fields it repeats, and the inventory items of its variants.
    pub references: Vec<ItemKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_in_the_order_of_their_names() {
        assert!(Section::ALL.is_sorted_by_key(|section| section.name()));
        assert!(Section::ALL.is_sorted());
    }

    #[test]
    fn names_are_parsed_back() {
        for section in Section::ALL {
            assert_eq!(section.name().parse(), Ok(section));
        }
        for kind in ItemKind::SCANNED {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("variant".parse::<ItemKind>().is_err());
        assert!("orders".parse::<Section>().is_err());
    }

    #[test]
    fn hashes_are_parsed_back_and_invalid_ones_rejected() {
        let hash = ContentHash([0xa5; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "a5", &"g".repeat(64), &"a".repeat(65), &"é".repeat(32)] {
            assert_eq!(bad.parse::<ContentHash>(), Err(InvalidHash), "{bad}");
        }
    }

    #[test]
    fn ids_above_two_to_the_53_stay_exact() {
        let id = ItemId::new(9_007_199_254_740_993).unwrap();
        assert_eq!(id.to_string(), "9007199254740993");
        assert_eq!(ItemId::new(u64::MAX), None);
    }
}
