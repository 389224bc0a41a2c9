//! Generates collections and discounts.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::Catalog;
use super::discount::{
    CustomerBuys, CustomerGets, Destination, Discount, DiscountEffect, DiscountItems, DiscountKind,
    MinimumRequirement, RedeemCode,
};
use super::model::{Cents, Collection, FIRST_DAY, handle};
use super::random::rng;
use super::spec::CatalogSpec;

/// The first ids of generated collections and discounts.
const COLLECTIONS: u64 = 410_000_000_000;
const DISCOUNTS: u64 = 1_200_000_000_000;
const DAY: i64 = 86_400;

pub(super) fn collections(catalog: &mut Catalog, seed: u64, spec: &CatalogSpec) {
    let products: Vec<u64> = catalog.products.keys().copied().collect();
    for index in 0..spec.collections as u64 {
        let mut rng = rng(seed, (1 << 40) + index);
        let count = if index == 0 {
            spec.products_per_collection.max(spec.big_collection)
        } else {
            spec.products_per_collection
        };
        let tag =
            (index % 3 == 2).then(|| ["eco", "sale"][usize::from(index.is_multiple_of(2))].into());
        let title = match &tag {
            Some(tag) => format!("All {tag} {index}"),
            None => format!("Collection {index}"),
        };
        let mut collection = Collection {
            id: COLLECTIONS + index * 7,
            handle: handle(&title),
            html: format!("<p>{title}</p>"),
            title,
            sort_order: ["MANUAL", "ALPHA_ASC", "BEST_SELLING"][rng.random_range(0..3)],
            template_suffix: None,
            updated_at: FIRST_DAY + rng.random_range(0..300) * DAY,
            tag,
            products: products.choose_multiple(&mut rng, count).copied().collect(),
            metafields: Vec::new(),
        };
        if collection.tag.is_some() {
            collection.products = catalog.smart_collection_members(&collection);
        }
        catalog.collections.insert(collection.id, collection);
    }
}

pub(super) fn discounts(catalog: &mut Catalog, seed: u64, spec: &CatalogSpec) {
    let products: Vec<u64> = catalog.products.keys().copied().collect();
    let collections: Vec<u64> = catalog.collections.keys().copied().collect();
    for index in 0..spec.discounts {
        let mut rng = rng(seed, (1 << 41) + index as u64);
        let kind = DiscountKind::ALL[index % DiscountKind::ALL.len()];
        let codes = match (kind.has_codes(), index) {
            (false, _) => 0,
            (true, 0) => spec.codes_per_discount.max(spec.many_codes),
            (true, _) => spec.codes_per_discount,
        };
        let id = DISCOUNTS + index as u64 * 13;
        let mut discount = Discount::new(id, kind, format!("Offer {index}"), FIRST_DAY);
        discount.codes = (0..codes as u64)
            .map(|number| RedeemCode {
                id: id * 10_000 + number,
                code: format!("OFFER{index}-{number:04}").into(),
                used: rng.random_range(0..5),
            })
            .collect();
        vary(&mut discount, &mut rng, index, &products, &collections);
        catalog.discounts.insert(id, discount);
    }
}

fn vary(
    discount: &mut Discount,
    rng: &mut ChaCha8Rng,
    index: usize,
    products: &[u64],
    collections: &[u64],
) {
    let some = |rng: &mut ChaCha8Rng| DiscountItems::Products {
        products: products.choose_multiple(rng, 3).copied().collect(),
        variants: Vec::new(),
    };
    let effect = if index.is_multiple_of(2) {
        DiscountEffect::Percentage(f64::from(rng.random_range(1..80)) / 100.0)
    } else {
        DiscountEffect::Amount {
            amount: Cents(rng.random_range(100..2_000)),
            each: index % 4 == 1,
        }
    };
    let bxgy = matches!(
        discount.kind,
        DiscountKind::CodeBxgy | DiscountKind::AutomaticBxgy
    );
    discount.gets = if bxgy {
        CustomerGets::OnQuantity {
            quantity: 1,
            effect,
        }
    } else {
        CustomerGets::Effect(effect)
    };
    discount.gets_items = match index % 3 {
        0 if !bxgy => DiscountItems::All,
        1 => DiscountItems::Collections(collections.iter().take(2).copied().collect()),
        _ => some(rng),
    };
    discount.buys_items = some(rng);
    discount.buys = if index.is_multiple_of(2) {
        CustomerBuys::Amount(Cents(5_000))
    } else {
        CustomerBuys::Quantity(3)
    };
    discount.minimum = match index % 3 {
        0 => None,
        1 => Some(MinimumRequirement::Quantity(2)),
        _ => Some(MinimumRequirement::Subtotal(Cents(7_500))),
    };
    discount.starts_at = FIRST_DAY + rng.random_range(0..200) * DAY;
    discount.created_at = FIRST_DAY;
    discount.updated_at = discount.starts_at;
    // Expired, without end, and far in the future.
    match index % 5 {
        3 => discount.ends_at = Some(discount.starts_at + 10 * DAY),
        4 => discount.starts_at += 20 * 365 * DAY,
        _ => {}
    }
    discount.combines = [
        index.is_multiple_of(2),
        index.is_multiple_of(3),
        index.is_multiple_of(4),
    ];
    discount.usage_limit = (index % 2 == 1).then_some(1_000);
    discount.once_per_customer = index % 3 == 1;
    discount.uses_per_order = (index % 4 == 1).then_some(1);
    discount.used = rng.random_range(0..50);
    discount.tags = if index.is_multiple_of(4) {
        vec!["season".to_owned()]
    } else {
        Vec::new()
    };
    discount.max_shipping = (index % 3 == 2).then_some(Cents(1_990));
    if index % 7 == 6 {
        discount.destination = Destination::Countries {
            codes: vec!["AT", "DE"],
            rest_of_world: false,
        };
    }
}
