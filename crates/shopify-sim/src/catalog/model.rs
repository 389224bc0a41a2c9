//! Defines the objects of a catalogue.
//!
//! They are kept small: a catalogue of 200,000 products has to fit in memory beside the program under test.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use indexmap::IndexSet;

/// A timestamp in seconds since 1970, the precision of Shopify's catalogue.
pub(crate) type Seconds = i64;

/// 2026-01-01T00:00:00Z: the first day of generated shops.
pub(crate) const FIRST_DAY: Seconds = 1_767_225_600;

/// Objects of one type by their id.
pub(crate) type ById<T> = BTreeMap<u64, T>;

/// A timestamp as Shopify writes it: `2026-11-24T12:00:00Z`.
pub(crate) fn iso(at: Seconds) -> String {
    DateTime::<Utc>::from_timestamp(at, 0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An amount in hundredths of the shop's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Cents(pub(crate) i64);

impl Cents {
    /// Parses `12`, `12.5` or `12.50`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 || !digits(whole) || !digits(part) {
            return None;
        }
        let part = part.trim_end_matches('0');
        if part.len() > 2 {
            return None;
        }
        let hundredths: i64 = format!("{part:0<2}").parse().ok()?;
        Some(Self(whole.parse::<i64>().ok()? * 100 + hundredths))
    }

    /// The scalar `Money`: always two decimals.
    pub(crate) fn money(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }

    /// The scalar `Decimal` in `MoneyV2`: at least one decimal, no further zeros.
    pub(crate) fn decimal(self) -> String {
        let text = self.money();
        match text.strip_suffix('0') {
            Some(shorter) => shorter.to_owned(),
            None => text,
        }
    }
}

/// The shop's own properties.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) id: u64,
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) currency: String,
    pub(crate) timezone: String,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
}

/// `ProductStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProductStatus {
    Active,
    Archived,
    Draft,
    Unlisted,
}

impl ProductStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Archived => "ARCHIVED",
            Self::Draft => "DRAFT",
            Self::Unlisted => "UNLISTED",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Archived, Self::Draft, Self::Unlisted]
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(text))
    }
}

/// A category of the standard taxonomy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Category {
    pub(crate) id: String,
    pub(crate) full_name: String,
}

/// A value of a product option.
#[derive(Debug, Clone)]
pub(crate) struct OptionValue {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
}

/// A product option, such as the size.
#[derive(Debug, Clone)]
pub(crate) struct ProductOption {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    pub(crate) values: Vec<OptionValue>,
}

/// A named value beside the fixed fields.
#[derive(Debug, Clone)]
pub(crate) struct Metafield {
    pub(crate) id: u64,
    pub(crate) namespace: Arc<str>,
    pub(crate) key: Arc<str>,
    pub(crate) kind: Arc<str>,
    pub(crate) value: Box<str>,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
}

/// The stock of an inventory item at a location.
#[derive(Debug, Clone)]
pub(crate) struct InventoryLevel {
    pub(crate) location: u64,
    pub(crate) active: bool,
    pub(crate) available: i32,
    pub(crate) committed: i32,
    pub(crate) incoming: i32,
    pub(crate) updated_at: Seconds,
}

impl InventoryLevel {
    /// The quantity with this name; `None` if the name is unknown.
    pub(crate) fn quantity(&self, name: &str) -> Option<i32> {
        match name {
            "available" => Some(self.available),
            "committed" => Some(self.committed),
            "incoming" => Some(self.incoming),
            "on_hand" => Some(self.available + self.committed),
            "damaged" | "quality_control" | "reserved" | "safety_stock" => Some(0),
            _ => None,
        }
    }
}

/// An inventory item.
#[derive(Debug, Clone)]
pub(crate) struct InventoryItem {
    pub(crate) id: u64,
    pub(crate) tracked: bool,
    pub(crate) requires_shipping: bool,
    pub(crate) updated_at: Seconds,
    pub(crate) levels: Vec<InventoryLevel>,
}

/// A product variant.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) id: u64,
    /// The index of each option's value in the product's options.
    pub(crate) choices: [u16; 3],
    pub(crate) sku: Option<Box<str>>,
    pub(crate) barcode: Option<Box<str>>,
    pub(crate) price: Cents,
    pub(crate) compare_at: Option<Cents>,
    pub(crate) oversell: bool,
    pub(crate) taxable: bool,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
    pub(crate) item: InventoryItem,
    pub(crate) metafields: Vec<Metafield>,
}

impl Variant {
    /// The available quantity at all active locations.
    pub(crate) fn quantity(&self) -> i32 {
        let levels = self.item.levels.iter().filter(|level| level.active);
        levels.map(|level| level.available).sum()
    }

    pub(crate) fn for_sale(&self) -> bool {
        !self.item.tracked || self.oversell || self.quantity() > 0
    }
}

/// A product with its variants.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: u64,
    pub(crate) title: Box<str>,
    pub(crate) handle: Box<str>,
    pub(crate) html: Box<str>,
    pub(crate) kind: Arc<str>,
    pub(crate) vendor: Arc<str>,
    pub(crate) tags: Vec<Arc<str>>,
    pub(crate) status: ProductStatus,
    pub(crate) category: Option<Arc<Category>>,
    pub(crate) gift_card: bool,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
    pub(crate) published_at: Option<Seconds>,
    pub(crate) options: Vec<ProductOption>,
    pub(crate) variants: Vec<Variant>,
    pub(crate) metafields: Vec<Metafield>,
}

impl Product {
    /// The name and value of each option, for one variant.
    pub(crate) fn choices<'a>(
        &'a self,
        variant: &'a Variant,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self.options.iter().zip(variant.choices);
        pairs.filter_map(|(option, index)| {
            let value = option.values.get(usize::from(index))?;
            Some((&*option.name, &*value.name))
        })
    }

    pub(crate) fn variant_title(&self, variant: &Variant) -> String {
        let values: Vec<_> = self.choices(variant).map(|(_, value)| value).collect();
        values.join(" / ")
    }

    pub(crate) fn description(&self) -> String {
        plain_text(&self.html)
    }

    pub(crate) fn total_inventory(&self) -> i32 {
        let tracked = self.variants.iter().filter(|variant| variant.item.tracked);
        tracked.map(Variant::quantity).sum()
    }

    pub(crate) fn tracks_inventory(&self) -> bool {
        self.variants.iter().any(|variant| variant.item.tracked)
    }

    pub(crate) fn only_default_variant(&self) -> bool {
        self.variants.len() == 1
            && self.options.len() == 1
            && &*self.options[0].name == "Title"
            && self.options[0].values.len() == 1
            && &*self.options[0].values[0].name == "Default Title"
    }

    /// The lowest and the highest price of the variants.
    pub(crate) fn price_range(&self) -> (Cents, Cents) {
        let prices = || self.variants.iter().map(|variant| variant.price);
        (
            prices().min().unwrap_or_default(),
            prices().max().unwrap_or_default(),
        )
    }

    pub(crate) fn online_url(&self, domain: &str) -> Option<String> {
        let listed = matches!(self.status, ProductStatus::Active | ProductStatus::Unlisted);
        (listed && self.published_at.is_some())
            .then(|| format!("https://{domain}/products/{}", self.handle))
    }
}

/// A location that stocks inventory.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
}

/// A collection of products.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) handle: String,
    pub(crate) html: String,
    pub(crate) sort_order: &'static str,
    pub(crate) template_suffix: Option<String>,
    pub(crate) updated_at: Seconds,
    /// The only condition of a smart collection: products with this tag.
    pub(crate) tag: Option<Arc<str>>,
    /// In the merchant's order.
    pub(crate) products: IndexSet<u64>,
    pub(crate) metafields: Vec<Metafield>,
}

/// The handle of a title, for URLs.
pub(crate) fn handle(title: &str) -> String {
    let mut handle = String::with_capacity(title.len());
    for character in title.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            handle.push(character);
        } else if !handle.ends_with('-') && !handle.is_empty() {
            handle.push('-');
        }
    }
    handle.trim_end_matches('-').to_owned()
}

/// Text of an HTML fragment, without tags and with its entities decoded.
pub(crate) fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for character in html.chars() {
        match character {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if inside => {}
            _ => text.push(character),
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_and_written() {
        for (text, money, decimal) in [
            ("12", "12.00", "12.0"),
            ("12.5", "12.50", "12.5"),
            ("0.05", "0.05", "0.05"),
            ("7.100", "7.10", "7.1"),
        ] {
            let cents = Cents::parse(text).unwrap();
            assert_eq!(
                (cents.money().as_str(), cents.decimal().as_str()),
                (money, decimal)
            );
        }
        for text in [
            "",
            ".5",
            "-1",
            "1,5",
            "1.005",
            "1e3",
            " 1",
            "9999999999999999",
        ] {
            assert_eq!(Cents::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tags_are_removed_and_entities_decoded() {
        assert_eq!(
            plain_text("<p>Red &amp; blue</p>\n<ul><li>soft</li></ul>"),
            "Red & blue soft"
        );
        assert_eq!(plain_text("1 > 0"), "1 > 0");
    }
}
