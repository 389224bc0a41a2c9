//! Fills a catalogue from a spec and a seed.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::model::{Location, Seconds, Shop};
use super::spec::CatalogSpec;
use super::{Catalog, csv, marketing, products};

/// 2026-01-01T00:00:00Z: the simulated shops' first day.
pub(crate) const FIRST_DAY: Seconds = 1_767_225_600;

/// Where each kind of id begins.
pub(super) const LOCATIONS: u64 = 61_000_000_000;
pub(super) const COLLECTIONS: u64 = 410_000_000_000;
pub(super) const DISCOUNTS: u64 = 1_200_000_000_000;

/// The generator of one product, discount or collection: independent of how many came before.
pub(super) fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The seed of one shop: two shops of one simulator hold different things under the same ids, so that whoever mixes them
/// up is found out.
fn shop_seed(seed: u64, domain: &str) -> u64 {
    // FNV-1a.
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    domain.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

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
        Some(export) => csv::products(&export.0, &location_ids),
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

/// A title as it stands in an address.
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

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Products by id, as the catalogue keeps them.
pub(crate) type ById<T> = BTreeMap<u64, T>;
