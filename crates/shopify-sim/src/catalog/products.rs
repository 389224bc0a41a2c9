//! Generates products.

use std::sync::Arc;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::model::{
    Category, Cents, FIRST_DAY, InventoryItem, InventoryLevel, Metafield, OptionValue, Product,
    ProductOption, ProductStatus, Seconds, Variant, handle,
};
use super::random::rng;
use super::spec::CatalogSpec;

const ADJECTIVES: [&str; 12] = [
    "Quiet",
    "Crimson",
    "Northern",
    "Folding",
    "Hand-made",
    "Everyday",
    "Größere",
    "Café",
    "Tiny",
    "Waxed",
    "Señor's",
    "日本",
];
const MATERIALS: [&str; 8] = [
    "Linen",
    "Oak",
    "Steel",
    "Wool",
    "Cork",
    "Glass",
    "Hemp & Jute",
    "“Paper”",
];
const NOUNS: [&str; 10] = [
    "Lamp", "Shirt", "Kettle", "Basket", "Notebook", "Blanket", "Stool", "Tote", "Mug 🍵", "Clock",
];
const VENDORS: [&str; 6] = [
    "Aldergrove",
    "Böhm & Söhne",
    "Casa Verde",
    "Dunmore",
    "Eastline",
    "Ferro",
];
const TAGS: [&str; 8] = [
    "clearance",
    "eco",
    "featured",
    "gift",
    "new",
    "outdoor",
    "sale",
    "winter",
];
const CATEGORIES: [(&str, &str); 3] = [
    (
        "gid://shopify/TaxonomyCategory/hg-13",
        "Home & Garden > Lighting",
    ),
    (
        "gid://shopify/TaxonomyCategory/aa-1-13",
        "Apparel & Accessories > Clothing > Shirts",
    ),
    (
        "gid://shopify/TaxonomyCategory/hg-11-10",
        "Home & Garden > Kitchen & Dining > Tableware",
    ),
];

/// The first id of each type.
const PRODUCTS: u64 = 7_000_000_000_000;
const VARIANTS: u64 = 40_000_000_000_000;
const ITEMS: u64 = 42_000_000_000_000;
const METAFIELDS: u64 = 24_000_000_000_000;
const OPTIONS: u64 = 9_000_000_000_000;
/// The first integer that a 64-bit float cannot represent.
const ABOVE_FLOATS: u64 = (1 << 53) + 1;

/// Texts that many products share, stored once.
struct SharedText {
    vendors: Vec<Arc<str>>,
    kinds: Vec<Arc<str>>,
    tags: Vec<Arc<str>>,
    categories: Vec<Arc<Category>>,
    option_names: [Arc<str>; 3],
    option_values: Vec<Vec<Arc<str>>>,
    title: Arc<str>,
    default_title: Arc<str>,
    namespace: Arc<str>,
    foreign_namespace: Arc<str>,
    kinds_of_value: [Arc<str>; 2],
    keys: Vec<Arc<str>>,
}

impl SharedText {
    fn new(metafields: usize) -> Self {
        let all = |words: &[&str]| {
            words
                .iter()
                .map(|word| Arc::from(*word))
                .collect::<Vec<_>>()
        };
        let numbered = |word: &str, count: usize| {
            (1..=count)
                .map(|n| Arc::from(format!("{word} {n}")))
                .collect()
        };
        Self {
            vendors: all(&VENDORS),
            kinds: all(&NOUNS),
            tags: all(&TAGS),
            categories: CATEGORIES
                .iter()
                .map(|(id, full_name)| {
                    Arc::new(Category {
                        id: (*id).to_owned(),
                        full_name: (*full_name).to_owned(),
                    })
                })
                .collect(),
            option_names: ["Size", "Colour", "Finish"].map(Arc::from),
            option_values: vec![
                numbered("Size", 16),
                numbered("Colour", 16),
                numbered("Finish", 8),
            ],
            title: "Title".into(),
            default_title: "Default Title".into(),
            namespace: "custom".into(),
            foreign_namespace: "reviews".into(),
            kinds_of_value: ["single_line_text_field", "number_integer"].map(Arc::from),
            keys: (0..metafields)
                .map(|n| Arc::from(format!("field_{n}")))
                .collect(),
        }
    }
}

/// Counters for ids that do not follow from an index.
struct IdCounters {
    variant: u64,
    metafield: u64,
    option: u64,
}

pub(super) fn products(seed: u64, spec: &CatalogSpec, location_ids: &[u64]) -> Vec<Product> {
    let shared = SharedText::new(spec.metafields_per_product.max(spec.many_metafields));
    let mut counters = IdCounters {
        variant: 0,
        metafield: 0,
        option: 0,
    };
    (0..spec.products)
        .map(|index| product(seed, index, spec, location_ids, &shared, &mut counters))
        .collect()
}

fn product(
    seed: u64,
    index: usize,
    spec: &CatalogSpec,
    location_ids: &[u64],
    shared: &SharedText,
    counters: &mut IdCounters,
) -> Product {
    let mut rng = rng(seed, index as u64);
    let pick = |rng: &mut ChaCha8Rng, words: &[&'static str]| *words.choose(rng).unwrap_or(&"");
    let noun = rng.random_range(0..NOUNS.len());
    let title = format!(
        "{} {} {} {index}",
        pick(&mut rng, &ADJECTIVES),
        pick(&mut rng, &MATERIALS),
        NOUNS[noun]
    );
    let above_floats = index + spec.ids_above_2_53 >= spec.products;
    let base = if above_floats { ABOVE_FLOATS } else { PRODUCTS };
    let created_at = FIRST_DAY + rng.random_range(0..200 * 86_400);
    let updated_at = created_at + rng.random_range(0..100 * 86_400);
    let status = match index % 20 {
        7 => ProductStatus::Draft,
        12 => ProductStatus::Archived,
        17 => ProductStatus::Unlisted,
        _ => ProductStatus::Active,
    };
    let count = if index < spec.big_products {
        2_048
    } else {
        spec.variants_per_product.clamp(1, 2_048)
    };
    let sizes = option_sizes(count);
    let mut tags: Vec<_> = shared
        .tags
        .choose_multiple(&mut rng, index % 4)
        .cloned()
        .collect();
    tags.sort();
    let times = (created_at, updated_at);
    let variants = (0..count)
        .map(|position| {
            let many = index == 0 && position < spec.variants_with_many_levels;
            let levels = if many {
                spec.many_levels
            } else {
                spec.levels_per_variant
            };
            variant(
                &mut rng,
                (index, position),
                &sizes,
                times,
                levels.min(location_ids.len()),
                location_ids,
                base,
                counters,
            )
        })
        .collect();
    let metafields = if index == 1 {
        spec.metafields_per_product.max(spec.many_metafields)
    } else {
        spec.metafields_per_product
    };
    Product {
        id: base + index as u64 * 32_768,
        handle: handle(&title).into(),
        html: format!(
            "<p>{title}: made to be used &amp; kept.</p>\n<ul><li>Lot {}</li></ul>",
            rng.random_range(1..999)
        )
        .into(),
        title: title.into(),
        kind: shared.kinds[noun].clone(),
        vendor: shared.vendors[rng.random_range(0..VENDORS.len())].clone(),
        tags,
        status,
        category: (index % 5 != 4).then(|| shared.categories[index % CATEGORIES.len()].clone()),
        gift_card: index % 97 == 96,
        created_at,
        updated_at,
        published_at: (status != ProductStatus::Draft).then_some(created_at),
        options: options(&sizes, shared, counters),
        variants,
        metafields: product_metafields(&mut rng, metafields, times, shared, counters),
    }
}

/// How many values each of the options needs for `count` different variants.
fn option_sizes(count: usize) -> [usize; 3] {
    let first = count.min(16);
    let second = count.div_ceil(first).min(16);
    [first, second, count.div_ceil(first * second)]
}

fn options(
    sizes: &[usize; 3],
    shared: &SharedText,
    counters: &mut IdCounters,
) -> Vec<ProductOption> {
    let mut next = || {
        counters.option += 1;
        OPTIONS + counters.option
    };
    if sizes[0] == 1 {
        let values = vec![OptionValue {
            id: next(),
            name: shared.default_title.clone(),
        }];
        return vec![ProductOption {
            id: next(),
            name: shared.title.clone(),
            values,
        }];
    }
    let used = sizes
        .iter()
        .enumerate()
        .filter(|(position, size)| *position == 0 || **size > 1);
    used.map(|(position, size)| {
        let names = shared.option_values[position].iter().take(*size);
        let values = names
            .map(|name| OptionValue {
                id: next(),
                name: name.clone(),
            })
            .collect();
        ProductOption {
            id: next(),
            name: shared.option_names[position].clone(),
            values,
        }
    })
    .collect()
}

#[expect(
    clippy::too_many_arguments,
    reason = "called once; a struct would only repeat the names"
)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "indexes in lists of at most 16 values"
)]
fn variant(
    rng: &mut ChaCha8Rng,
    (index, position): (usize, usize),
    sizes: &[usize; 3],
    (created_at, updated_at): (Seconds, Seconds),
    levels: usize,
    location_ids: &[u64],
    base: u64,
    counters: &mut IdCounters,
) -> Variant {
    counters.variant += 1;
    let number = counters.variant
        + if base == ABOVE_FLOATS {
            ABOVE_FLOATS
        } else {
            0
        };
    let [first, second, _] = *sizes;
    let choices = [
        position % first,
        position / first % second,
        position / (first * second),
    ]
    .map(|choice| choice as u16);
    let price = rng.random_range(100..50_000);
    let start = rng.random_range(0..location_ids.len());
    let mut levels: Vec<InventoryLevel> = (0..levels)
        .map(|step| InventoryLevel {
            location: location_ids[(start + step) % location_ids.len()],
            active: true,
            available: rng.random_range(-2..40),
            committed: rng.random_range(0..4),
            incoming: rng.random_range(0..10),
            updated_at,
        })
        .collect();
    levels.sort_by_key(|level| level.location);
    levels.shrink_to_fit();
    Variant {
        id: VARIANTS + number,
        choices,
        sku: (index % 11 != 10).then(|| format!("SKU-{index}-{position}").into()),
        barcode: (index % 3 == 0)
            .then(|| format!("{:013}", 4_000_000_000_000 + number % 1_000_000_000).into()),
        price: Cents(price),
        compare_at: (index % 6 == 0).then(|| Cents(price + 500)),
        oversell: index % 13 == 12,
        taxable: index % 8 != 7,
        created_at,
        updated_at,
        item: InventoryItem {
            id: ITEMS + number,
            tracked: index % 10 != 9,
            requires_shipping: index % 14 != 13,
            updated_at,
            levels,
        },
        metafields: Vec::new(),
    }
}

fn product_metafields(
    rng: &mut ChaCha8Rng,
    count: usize,
    (created_at, updated_at): (Seconds, Seconds),
    shared: &SharedText,
    counters: &mut IdCounters,
) -> Vec<Metafield> {
    let mut field = |namespace: &Arc<str>, key: &Arc<str>, kind: usize, value: String| {
        counters.metafield += 1;
        Metafield {
            id: METAFIELDS + counters.metafield,
            namespace: namespace.clone(),
            key: key.clone(),
            kind: shared.kinds_of_value[kind].clone(),
            value: value.into(),
            created_at,
            updated_at,
        }
    };
    let mut fields: Vec<_> = (0..count)
        .map(|position| {
            let number = rng.random_range(0..100_000);
            let value = if position % 2 == 0 {
                format!("No. {number}, {}", ADJECTIVES[position % ADJECTIVES.len()])
            } else {
                number.to_string()
            };
            field(
                &shared.namespace,
                &shared.keys[position],
                position % 2,
                value,
            )
        })
        .collect();
    // A metafield of another namespace: a query for `custom` must not return it.
    if let (Some(key), true) = (shared.keys.first(), count > 0) {
        fields.push(field(&shared.foreign_namespace, key, 1, "5".to_owned()));
    }
    fields.shrink_to_fit();
    fields
}
