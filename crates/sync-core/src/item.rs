//! Items: the units in which a catalogue is read, compared, mirrored and published.

use std::fmt;
use std::str::FromStr;

use crate::Timestamp;

/// The number at the end of a Shopify global id. Exceeds 2^53, so it never travels as a JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(i64);

impl ItemId {
    /// The number, unless it is larger than a database's 64-bit signed integer holds (Shopify's own limit).
    pub fn new(number: u64) -> Option<Self> {
        i64::try_from(number).ok().map(Self)
    }

    /// The number as databases store it; never negative.
    pub fn as_i64(self) -> i64 {
        self.0
    }

    /// The number.
    pub fn as_u64(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kinds of thing a key can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKind {
    /// The shop itself; there is one, [`ItemKey::SHOP`].
    Shop,
    /// A place that holds stock.
    Location,
    /// A product with all its variants, inventory levels and metafields.
    Product,
    /// A collection with its full membership.
    Collection,
    /// A code or automatic discount of any kind, with all its codes.
    Discount,
    /// What a variant's stock is counted by. Never an item of its own: it only names, in references and in
    /// dirty marks, the products it belongs to.
    InventoryItem,
}

impl ItemKind {
    /// The kinds that are items, in the order a full scan reads them.
    pub const SCANNED: [Self; 5] = [
        Self::Shop,
        Self::Location,
        Self::Product,
        Self::Collection,
        Self::Discount,
    ];

    /// The word used in storage, logs and the API.
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

/// The word is not a kind that [`ItemKind::as_str`] writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown item kind `{0}`")]
pub struct UnknownKind(pub String);

impl FromStr for ItemKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::SCANNED
            .into_iter()
            .chain([Self::InventoryItem])
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownKind(word.to_owned()))
    }
}

/// Names one thing within one shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    /// What it is.
    pub kind: ItemKind,
    /// Its number.
    pub id: ItemId,
}

impl ItemKey {
    /// The shop's own item.
    pub const SHOP: Self = Self {
        kind: ItemKind::Shop,
        id: ItemId(0),
    };

    /// A key.
    pub fn new(kind: ItemKind, id: ItemId) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// Where an item stands in the published document. In the order in which canonical JSON sorts their names.
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
    /// All of them, in document order.
    pub const ALL: [Self; 6] = [
        Self::AutomaticDiscounts,
        Self::CodeDiscounts,
        Self::Collections,
        Self::Locations,
        Self::Products,
        Self::Shop,
    ];

    /// Its name in the document.
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

/// The name is not one that [`Section::name`] gives.
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

/// The SHA-256 of canonical bytes.
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

/// A complete item as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which one.
    pub key: ItemKey,
    /// Where it stands in the document.
    pub section: Section,
    /// Canonical JSON (RFC 8785): what stands in the document, byte for byte.
    pub body: String,
    /// The hash of `body`.
    pub hash: ContentHash,
    /// When the shop last changed it, if it says so.
    pub updated_at: Option<Timestamp>,
    /// What other items repeat of this one (a product's title in its collections, a location's name in
    /// stock levels). When it changes, those that refer to this item are read again. Empty if nothing does.
    pub denorm_fields: String,
    /// What this item refers to: the things whose label it repeats, and the inventory items of its variants.
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
    fn words_are_read_back() {
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
    fn hashes_are_read_back_and_bad_ones_refused() {
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
