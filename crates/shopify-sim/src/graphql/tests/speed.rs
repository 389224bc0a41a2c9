//! Measures execution times: run with `--release -- --ignored`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ADMIN, Shop, at, document};
use crate::catalog::spec::CatalogSpec;

/// The shortest of several runs, to exclude other load on the machine.
fn shortest(mut run: impl FnMut()) -> Duration {
    let times = (0..20).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap()
}

fn shop(products: usize, variants_per_product: usize) -> Shop {
    let _ = &*ADMIN;
    Shop::new(&CatalogSpec {
        products,
        variants_per_product,
        ..CatalogSpec::default()
    })
}

fn page(after: &Value) -> Value {
    json!({
        "first": 20, "variantsFirst": 50, "levelsFirst": 10, "metafieldsFirst": 25, "after": after,
        "query": "status:active,archived,draft,unlisted",
    })
}

#[test]
#[ignore = "a measurement"]
fn a_full_page_takes_milliseconds() {
    let mut shop = shop(40, 50);
    let text = document("products_page");
    let took = shortest(|| {
        let executed = shop.try_execute(&text, page(&Value::Null)).unwrap();
        assert!(executed.errors.is_empty() && executed.data.len() > 500_000);
    });
    assert!(took < Duration::from_millis(15), "{took:?}");
}

#[test]
#[ignore = "a measurement"]
fn a_page_takes_as_long_in_a_large_catalogue_as_in_a_small_one() {
    let text = "query($after: String, $query: String) { products(first: 250, after: $after, query: $query) { nodes { id } pageInfo { endCursor } } }";
    let mut times = [1_000, 20_000, 200_000].map(|products| {
        let mut shop = shop(products, 1);
        let mut after = Value::Null;
        for _ in 0..3 {
            let data = shop.query(text, page(&after));
            after = at(&data, "/products/pageInfo/endCursor").clone();
        }
        shortest(|| {
            let executed = shop.try_execute(text, page(&after)).unwrap();
            assert!(executed.errors.is_empty() && executed.data.len() > 5_000);
        })
    });
    times.sort();
    assert!(times[2] < times[0] * 5, "{times:?}");
}
