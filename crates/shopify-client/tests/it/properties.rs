//! Property tests: with any limits and failures of a shop, a scan returns the complete catalogue or an error.

use std::fmt::Debug;

use futures::StreamExt;
use proptest::prelude::*;

use crate::all::{CatalogContents, difference};
use crate::catalogue::{Lengths, collection, discount, location, product};
use crate::fake::{FakeState, Fault, Shop};

fn lengths() -> impl Strategy<Value = Lengths> {
    (0..60usize, 0..13usize, 0..32usize).prop_map(|(variants, levels, metafields)| Lengths {
        variants,
        levels,
        metafields,
    })
}

fn faults() -> impl Strategy<Value = Vec<Option<Fault>>> {
    let fault = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Fault::Throttled)),
        2 => prop::sample::select(vec![500, 502, 503, 504]).prop_map(|s| Some(Fault::Status(s))),
        1 => Just(Some(Fault::Internal)),
        1 => Just(Some(Fault::NotJson)),
    ];
    prop::collection::vec(fault, 0..60)
}

prop_compose! {
    fn shops()(
        products in prop::collection::vec(lengths(), 0..8),
        collections in prop::collection::vec((0..300usize, 0..40usize), 0..5),
        discounts in prop::collection::vec((0..8usize, 0..60usize), 0..12),
        locations in 0..40u64,
        max_page_len in prop::option::of(1..40usize),
        max_weight in prop::option::of(1..9000i64),
        overload_weight in prop::option::of(1..9000i64),
        faults in faults(),
    ) -> FakeState {
        FakeState {
            products: (1..).zip(products).map(|(n, lengths)| product(n * 3, lengths)).collect(),
            collections: (1..).zip(collections).map(|(n, (p, m))| collection(n, p, m)).collect(),
            discounts: (1..).zip(discounts).map(|(n, (kind, length))| discount(n, kind, length)).collect(),
            locations: (1..=locations).map(location).collect(),
            max_page_len,
            max_weight,
            overload_weight,
            faults: faults.into(),
            ..FakeState::default()
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

impl Debug for FakeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeState")
            .field("products", &self.products.len())
            .field("max_page_len", &self.max_page_len)
            .field("max_weight", &self.max_weight)
            .field("overload_weight", &self.overload_weight)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// With any limits that allow one object at a time, and with transient failures.
    #[test]
    fn limits_and_transient_failures_neither_lose_nor_duplicate_objects(state in shops()) {
        block_on(async {
            let shop = Shop::start(state).await;
            let client = shop.client_with_all_metafields();
            match CatalogContents::read(&client).await {
                Ok(all) => prop_assert_eq!(difference(&all, &CatalogContents::of(&shop.state())), None),
                // Five failures in a row of the smallest page exhaust the retries, which is allowed.
                Err(error) => prop_assert!(
                    error.is_retryable() && !shop.state().faults.is_empty(),
                    "{:?}", error
                ),
            }
            Ok(())
        })?;
    }

    /// A permanent failure ends the stream; the objects before it are complete, in order and without duplicates.
    #[test]
    fn a_permanent_failure_ends_the_stream_with_an_error(state in shops(), after in 0..20usize) {
        block_on(async {
            let mut state = state;
            state.faults.truncate(after);
            state.faults.resize(after, None);
            state.faults.push_back(Some(Fault::DataWithErrors));
            let shop = Shop::start(state).await;
            let client = shop.client_with_all_metafields();
            let results: Vec<_> = client.products().collect().await;
            let all = CatalogContents::of(&shop.state()).products;
            let failed = results.iter().filter(|result| result.is_err()).count();
            if failed == 0 {
                let products: Vec<_> = results.into_iter().map(Result::unwrap).collect();
                prop_assert_eq!(difference(&products, &all), None);
            } else {
                prop_assert_eq!(failed, 1);
                prop_assert!(results.last().unwrap().is_err());
                for (result, product) in results.iter().zip(&all).take(results.len() - 1) {
                    prop_assert_eq!(difference(result.as_ref().unwrap(), product), None);
                }
            }
            Ok(())
        })?;
    }
}
