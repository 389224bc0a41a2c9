//! Generates a catalogue from a spec and a seed.

use rand::Rng;

use super::model::{FIRST_DAY, Location, Shop};
use super::random::{rng, shop_seed};
use super::spec::CatalogSpec;
use super::{Catalog, csv, marketing, products};

/// The first id of a generated location.
const LOCATIONS: u64 = 61_000_000_000;

pub(crate) fn generate(domain: &str, seed: u64, spec: &CatalogSpec) -> Catalog {
    let seed = shop_seed(seed, domain);
    let mut rng = rng(seed, u64::MAX);
    let name = domain.split('.').next().unwrap_or(domain);
    let shop = Shop {
        id: 50_000_000_000 + rng.random_range(0..1_000_000_000),
        domain: domain.to_owned(),
        name: capitalised(name),
        email: format!("owner@{name}.example"),
        currency: "EUR".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        created_at: FIRST_DAY,
        updated_at: FIRST_DAY,
    };
    let mut catalog = Catalog::new(shop);
    let locations = spec.locations.max(spec.many_levels).max(1);
    catalog.locations = (0..locations as u64)
        .map(|index| (LOCATIONS + index * 11, location(index)))
        .collect();
    let location_ids: Vec<u64> = catalog.locations.keys().copied().collect();
    let products = match &spec.export {
        Some(export) => csv::build::products(&export.0, &location_ids),
        None => products::products(seed, spec, &location_ids),
    };
    for product in products {
        catalog.index(&product);
        catalog.products.insert(product.id, product);
    }
    marketing::collections(&mut catalog, seed, spec);
    marketing::discounts(&mut catalog, seed, spec);
    catalog
}

fn location(index: u64) -> Location {
    Location {
        id: LOCATIONS + index * 11,
        name: if index == 0 {
            "Warehouse".to_owned()
        } else {
            format!("Store {index}")
        },
        active: true,
        created_at: FIRST_DAY,
        updated_at: FIRST_DAY,
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
