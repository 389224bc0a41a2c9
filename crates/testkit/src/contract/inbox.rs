//! Tests [`sync_core::ports::Inbox`]: deliveries and work requests.

use sync_core::{
    ClaimOutcome, DeliverySubject, ItemKind, RecordOutcome, ShopEvent, Trigger, UnavailableReason,
    WorkKind, WorkOutcome, WorkRequest,
};

use super::{State, after, change_status, claim, install, noon, release, settle};
use crate::sample::{delivery, key, shop};

/// A delivery that arrives fifty times counts once.
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
    settle(state, &claimed.lease, &dirty, &[]).await.unwrap();
    release(state, &claimed.lease, WorkOutcome::Done)
        .await
        .unwrap();
    assert!(
        claim(state, after(60)).await.is_none(),
        "a duplicate requests nothing"
    );

    // Ids of different shops are independent.
    install(state, &shop("b")).await;
    let other = delivery(&shop("b"), "w1", DeliverySubject::Item(one), noon());
    let recorded = state.record(&other, &request, noon()).await.unwrap();
    assert_eq!(recorded, RecordOutcome::New);
}

/// A delivery that requests no work is stored, and no run follows.
pub async fn a_delivery_without_work_is_only_stored(state: &dyn State) {
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

/// A burst causes one claim, at the earliest time requested.
pub async fn work_requests_add_up_and_the_earlier_time_applies(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let dirty_item = |id| WorkRequest::items(vec![key(ItemKind::Product, id)]);
    state.request(&a, &dirty_item(1), after(10)).await.unwrap();
    state.request(&a, &dirty_item(2), after(5)).await.unwrap();
    state.request(&a, &dirty_item(1), after(20)).await.unwrap();
    assert!(claim(state, after(4)).await.is_none());
    let claimed = claim(state, after(5)).await.unwrap();
    let [work] = &claimed.work[..] else {
        panic!("{claimed:?}");
    };
    assert_eq!((work.kind, work.attempts), (WorkKind::Refresh, 0));
    let dirty = state.dirty(&claimed.lease, after(5), 9).await.unwrap();
    let mut ids: Vec<_> = dirty.iter().map(|item| item.key.id.as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    let first = state.dirty(&claimed.lease, after(5), 1).await.unwrap();
    assert_eq!(
        first[0].key.id.as_u64(),
        2,
        "the lowest sequence number comes first"
    );
    settle(state, &claimed.lease, &dirty, &[]).await.unwrap();
    release(state, &claimed.lease, WorkOutcome::Done)
        .await
        .unwrap();
    assert!(claim(state, after(3600)).await.is_none());

    // After that, new work has its own time.
    state.request(&a, &dirty_item(1), after(100)).await.unwrap();
    assert!(claim(state, after(99)).await.is_none());
    assert!(claim(state, after(100)).await.is_some());
}

/// A scan requested by the poll and then by a person keeps the poll's trigger and the person's confirmation.
pub async fn a_full_scan_keeps_its_first_trigger_and_any_confirmation(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, noon()).await.unwrap();
    let manual = WorkRequest::full(Trigger::Manual).accepting_deletions();
    state.request(&a, &manual, noon()).await.unwrap();
    state.request(&a, &poll, noon()).await.unwrap();
    let claimed = claim(state, noon()).await.unwrap();
    let scan = claimed.get(WorkKind::Scan).unwrap();
    assert_eq!(scan.trigger, Trigger::Poll);
    assert!(scan.arguments.accept_deletions);
}

/// Shops are claimed by due time, not by name or by the order of requests.
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

/// Paused, uninstalled and unknown shops are not claimed; an unavailable one is.
pub async fn inactive_shops_are_not_claimed(state: &dyn State) {
    let a = shop("a");
    let request = WorkRequest::full(Trigger::Manual);
    state.request(&a, &request, noon()).await.unwrap();
    assert!(claim(state, noon()).await.is_none(), "the shop is unknown");
    install(state, &a).await;
    for event in [ShopEvent::Paused, ShopEvent::Uninstalled] {
        change_status(state, &a, event).await;
        assert!(claim(state, noon()).await.is_none(), "{event:?}");
    }
    install(state, &a).await;
    let frozen = ShopEvent::Refused(UnavailableReason::Frozen);
    change_status(state, &a, frozen).await;
    assert!(claim(state, noon()).await.is_some());
}

/// `shop/redact` is sent for uninstalled shops.
pub async fn an_erasure_is_claimed_whatever_the_status(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    change_status(state, &a, ShopEvent::Uninstalled).await;
    state
        .request(&a, &WorkRequest::erase(), noon())
        .await
        .unwrap();
    let claimed = claim(state, noon()).await.unwrap();
    assert!(claimed.get(WorkKind::Erase).is_some());
    release(state, &claimed.lease, WorkOutcome::Done)
        .await
        .unwrap();
    assert!(claim(state, after(60)).await.is_none(), "it is done");
}

/// The time when the next work is due or a lease ends, whichever is earlier.
pub async fn an_idle_claim_returns_when_to_try_again(state: &dyn State) {
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

/// A command does not wait for the debounce and claims no other shop.
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
        panic!("b has pending work");
    };
    assert_eq!(claimed.lease.shop, b);
    let nothing_asked = state.claim(Some(&shop("c")), noon(), after(15)).await;
    assert_eq!(nothing_asked.unwrap(), ClaimOutcome::Idle { next: None });
}
