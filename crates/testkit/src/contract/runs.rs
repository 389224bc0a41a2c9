//! Tests [`sync_core::ports::RunLog`].

use std::collections::BTreeMap;

use sync_core::{
    DeliverySubject, KindCounts, Outcome, RecordOutcome, RunReport, Trigger, WorkRequest,
};

use super::{State, after, install, noon};
use crate::sample::{delivery, shop};

fn report() -> RunReport {
    let counts = KindCounts {
        expected: Some(3),
        read: 3,
        added: 1,
        changed: 1,
        removed: 1,
        failed: 0,
    };
    RunReport {
        outcome: Outcome::Published {
            key: "a.myshopify.com/shopify_data.json".to_owned(),
            sha256: "00".repeat(32),
            bytes: 9_007_199_254_740_993,
            generation: 4,
        },
        counts: BTreeMap::from([("product".to_owned(), counts)]),
    }
}

/// Runs of one shop or of all are listed with their reports.
pub async fn runs_are_listed_newest_first(state: &dyn State) {
    let (a, b) = (shop("a"), shop("b"));
    install(state, &a).await;
    install(state, &b).await;
    let first = state
        .start(&a, Trigger::Backfill, true, noon())
        .await
        .unwrap();
    let second = state
        .start(&b, Trigger::Webhook, false, after(1))
        .await
        .unwrap();
    let third = state
        .start(&a, Trigger::Poll, true, after(2))
        .await
        .unwrap();
    assert!(first < second && second < third);
    state.finish(first, &report(), after(3)).await.unwrap();

    let all = state.recent(None, 2).await.unwrap();
    let numbers: Vec<_> = all.iter().map(|run| run.id).collect();
    assert_eq!(numbers, [third, second]);
    let of_a = state.recent(Some(&a), 9).await.unwrap();
    assert_eq!(of_a.len(), 2);
    assert_eq!((of_a[0].trigger, of_a[0].full), (Trigger::Poll, true));
    assert_eq!(of_a[0].finished, None);
    assert_eq!(of_a[1].started_at, noon());
    assert_eq!(of_a[1].finished, Some((after(3), report())));
}

/// Pruning deletes old runs and the ids of old deliveries.
pub async fn old_runs_and_deliveries_are_deleted(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    for (id, at) in [("w1", noon()), ("w2", after(100))] {
        let delivery = delivery(&a, id, DeliverySubject::Nothing, at);
        state
            .record(&delivery, &WorkRequest::default(), at)
            .await
            .unwrap();
        state.start(&a, Trigger::Poll, true, at).await.unwrap();
    }
    assert_eq!(state.prune(after(50)).await.unwrap(), 2);
    assert_eq!(state.prune(after(50)).await.unwrap(), 0);
    assert_eq!(state.recent(None, 9).await.unwrap().len(), 1);
    let recorded = async |id| {
        let delivery = delivery(&a, id, DeliverySubject::Nothing, after(200));
        state
            .record(&delivery, &WorkRequest::default(), after(200))
            .await
            .unwrap()
    };
    assert_eq!(recorded("w1").await, RecordOutcome::New);
    assert_eq!(recorded("w2").await, RecordOutcome::Duplicate);
}
