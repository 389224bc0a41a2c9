//! Whatever a shop's limits and failures: the whole catalogue, or an error.

use std::fmt::Debug;

use futures::StreamExt;
use proptest::prelude::*;

use crate::all::{All, difference};
use crate::catalogue::{Lengths, collection, discount, location, product};
use crate::fake::{Fault, Shop, Things};

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
        longest_page in prop::option::of(1..40usize),
        most in prop::option::of(1..9000i64),
        heaviest in prop::option::of(1..9000i64),
        faults in faults(),
    ) -> Things {
        Things {
            products: (1..).zip(products).map(|(n, lengths)| product(n * 3, lengths)).collect(),
            collections: (1..).zip(collections).map(|(n, (p, m))| collection(n, p, m)).collect(),
            discounts: (1..).zip(discounts).map(|(n, (kind, length))| discount(n, kind, length)).collect(),
            locations: (1..=locations).map(location).collect(),
            longest_page,
            most,
            heaviest,
            faults: faults.into(),
            ..Things::default()
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

impl Debug for Things {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Things")
            .field("products", &self.products.len())
            .field("longest_page", &self.longest_page)
            .field("most", &self.most)
            .field("heaviest", &self.heaviest)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever the shop's limits, as long as one thing at a time can be had and failures pass.
    #[test]
    fn no_limit_and_no_passing_failure_loses_or_doubles_anything(things in shops()) {
        block_on(async {
            let shop = Shop::start(things).await;
            let client = shop.client_for_all();
            match All::read(&client).await {
                Ok(all) => prop_assert_eq!(difference(&all, &All::of(&shop.things())), None),
                // Five failures in a row of the least page are enough to give up, and no more was promised.
                Err(error) => prop_assert!(
                    error.is_retryable() && !shop.things().faults.is_empty(),
                    "{:?}", error
                ),
            }
            Ok(())
        })?;
    }

    /// A failure that stays ends the stream; what came before it is whole, in order, and once.
    #[test]
    fn a_failure_that_stays_is_told(things in shops(), after in 0..20usize) {
        block_on(async {
            let mut things = things;
            things.faults.truncate(after);
            things.faults.resize(after, None);
            things.faults.push_back(Some(Fault::DataWithErrors));
            let shop = Shop::start(things).await;
            let client = shop.client_for_all();
            let results: Vec<_> = client.products().collect().await;
            let all = All::of(&shop.things()).products;
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
