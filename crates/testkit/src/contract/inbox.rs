//! [`sync_core::ports::Inbox`]: deliveries and demands.

use sync_core::{
    ClaimOutcome, DeliverySubject, FullScan, ItemKind, RecordOutcome, Release, ShopStatus, Trigger,
    UnavailableReason, WorkRequest,
};

use super::{State, after, claim, install, noon};
use crate::sample::{delivery, key, shop};

/// The same delivery fifty times is one.
pub async fn a_repeated_delivery_changes_nothing(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let one = key(ItemKind::Product, 1);
    let first = delivery(&a, "w1", DeliverySubject::Item(one), noon());
    let request = WorkRequest::items(vec![one]);
    let recorded = state.record(&first, &request, noon()).await.unwrap();
    assert_eq!(recorded, RecordOutcome::New);
    let claimed = claim(state, noon()).await.unwrap();
    let dirty = state.dirty(&claimed.lease, noon(), 9).await.unwrap();
    assert_eq!(dirty.len(), 1);
    for _ in 0..50 {
        let recorded = state.record(&first, &request, noon()).await.unwrap();
        assert_eq!(recorded, RecordOutcome::Duplicate);
    }
    state.settle(&claimed.lease, &dirty, &[]).await.unwrap();
    state.release(&claimed.lease, &Release::Done).await.unwrap();
    assert!(
        claim(state, after(60)).await.is_none(),
        "a duplicate asks for nothing"
    );

    // The id is one shop's own.
    install(state, &shop("b")).await;
    let other = delivery(&shop("b"), "w1", DeliverySubject::Item(one), noon());
    let recorded = state.record(&other, &request, noon()).await.unwrap();
    assert_eq!(recorded, RecordOutcome::New);
}

/// A delivery that names nothing to do is remembered, and no run follows.
pub async fn a_delivery_without_work_is_only_remembered(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let delivery = delivery(&a, "w1", DeliverySubject::Nothing, noon());
    let nothing = WorkRequest::default();
    assert_eq!(
        state.record(&delivery, &nothing, noon()).await.unwrap(),
        RecordOutcome::New
    );
    assert_eq!(
        state.record(&delivery, &nothing, noon()).await.unwrap(),
        RecordOutcome::Duplicate
    );
    assert!(claim(state, after(60)).await.is_none());
}

/// A burst becomes one claim, at the time of its first demand.
pub async fn demands_add_up_and_the_earlier_time_wins(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let dirty_item = |id| WorkRequest::items(vec![key(ItemKind::Product, id)]);
    state.request(&a, &dirty_item(1), after(10)).await.unwrap();
    state.request(&a, &dirty_item(2), after(5)).await.unwrap();
    state.request(&a, &dirty_item(1), after(20)).await.unwrap();
    assert!(claim(state, after(4)).await.is_none());
    let claimed = claim(state, after(5)).await.unwrap();
    assert_eq!(
        (claimed.full, claimed.erase, claimed.attempts),
        (None, false, 0)
    );
    let dirty = state.dirty(&claimed.lease, after(5), 9).await.unwrap();
    let mut ids: Vec<_> = dirty.iter().map(|item| item.key.id.as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    let first = state.dirty(&claimed.lease, after(5), 1).await.unwrap();
    assert_eq!(first[0].key.id.as_u64(), 2, "the oldest mark comes first");
    state.settle(&claimed.lease, &dirty, &[]).await.unwrap();
    state.release(&claimed.lease, &Release::Done).await.unwrap();
    assert!(claim(state, after(3600)).await.is_none());

    // After that a new demand has its own time.
    state.request(&a, &dirty_item(1), after(100)).await.unwrap();
    assert!(claim(state, after(99)).await.is_none());
    assert!(claim(state, after(100)).await.is_some());
}

/// A scan asked for by the poll and then by a person stays the poll's, with the person's confirmation.
pub async fn a_full_scan_keeps_its_first_trigger_and_any_confirmation(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, noon()).await.unwrap();
    let confirmed = FullScan {
        trigger: Trigger::Manual,
        accept_deletions: true,
    };
    let manual = WorkRequest {
        full: Some(confirmed),
        ..WorkRequest::default()
    };
    state.request(&a, &manual, noon()).await.unwrap();
    state.request(&a, &poll, noon()).await.unwrap();
    let claimed = claim(state, noon()).await.unwrap();
    let expected = FullScan {
        trigger: Trigger::Poll,
        accept_deletions: true,
    };
    assert_eq!(claimed.full, Some(expected));
}

/// Claims go by due time, not by name or by the order of demands.
pub async fn the_shop_due_longest_is_claimed_first(state: &dyn State) {
    for (name, due) in [("a", 30), ("b", 10), ("c", 20)] {
        let shop = shop(name);
        install(state, &shop).await;
        let request = WorkRequest::full(Trigger::Poll);
        state.request(&shop, &request, after(due)).await.unwrap();
    }
    let mut order = Vec::new();
    while let Some(claimed) = claim(state, after(60)).await {
        order.push(claimed.lease.shop);
    }
    assert_eq!(order, [shop("b"), shop("c"), shop("a")]);
}

/// Paused, uninstalled and unknown shops wait; an unavailable one is tried.
pub async fn shops_that_are_not_served_are_not_claimed(state: &dyn State) {
    let a = shop("a");
    let request = WorkRequest::full(Trigger::Manual);
    state.request(&a, &request, noon()).await.unwrap();
    assert!(
        claim(state, noon()).await.is_none(),
        "nobody knows this shop"
    );
    install(state, &a).await;
    for status in [ShopStatus::Paused, ShopStatus::Uninstalled] {
        state.set_status(&a, status).await.unwrap();
        assert!(claim(state, noon()).await.is_none(), "{status:?}");
    }
    let frozen = ShopStatus::Unavailable(UnavailableReason::Frozen);
    state.set_status(&a, frozen).await.unwrap();
    assert!(claim(state, noon()).await.is_some());
}

/// `shop/redact` comes for shops that are gone.
pub async fn an_erasure_is_claimed_whatever_the_status(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    state.set_status(&a, ShopStatus::Uninstalled).await.unwrap();
    state
        .request(&a, &WorkRequest::erase(), noon())
        .await
        .unwrap();
    let claimed = claim(state, noon()).await.unwrap();
    assert!(claimed.erase);
    state.release(&claimed.lease, &Release::Done).await.unwrap();
    assert!(claim(state, after(60)).await.is_none(), "it is done");
}

/// The next demand's time, or the end of a lease, whichever is first.
pub async fn idle_says_when_to_ask_again(state: &dyn State) {
    let idle = ClaimOutcome::Idle { next: None };
    assert_eq!(state.claim(None, noon(), after(15)).await.unwrap(), idle);
    for (name, due) in [("a", 50), ("b", 40), ("c", 0)] {
        let shop = shop(name);
        install(state, &shop).await;
        let request = WorkRequest::full(Trigger::Poll);
        state.request(&shop, &request, after(due)).await.unwrap();
    }
    assert_eq!(claim(state, noon()).await.unwrap().lease.shop, shop("c"));
    let until_lease_ends = ClaimOutcome::Idle {
        next: Some(after(15)),
    };
    assert_eq!(
        state.claim(None, noon(), after(15)).await.unwrap(),
        until_lease_ends
    );
    let only = state.claim(Some(&shop("c")), noon(), after(15)).await;
    assert_eq!(only.unwrap(), until_lease_ends);
    assert_eq!(claim(state, after(15)).await.unwrap().lease.shop, shop("c"));
    let until_due = state.claim(None, after(16), after(31)).await.unwrap();
    assert_eq!(
        until_due,
        ClaimOutcome::Idle {
            next: Some(after(30))
        }
    );
}

/// A command does not wait for the debounce, and takes no other shop.
pub async fn one_shop_can_be_claimed_before_it_is_due(state: &dyn State) {
    for name in ["a", "b", "c"] {
        install(state, &shop(name)).await;
    }
    let request = WorkRequest::full(Trigger::Manual);
    state.request(&shop("a"), &request, noon()).await.unwrap();
    state
        .request(&shop("b"), &request, after(3600))
        .await
        .unwrap();
    let b = shop("b");
    let ClaimOutcome::Claimed(claimed) = state.claim(Some(&b), noon(), after(15)).await.unwrap()
    else {
        panic!("b is asked for something");
    };
    assert_eq!(claimed.lease.shop, b);
    let nothing_asked = state.claim(Some(&shop("c")), noon(), after(15)).await;
    assert_eq!(nothing_asked.unwrap(), ClaimOutcome::Idle { next: None });
}
