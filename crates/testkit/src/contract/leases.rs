//! Tests [`sync_core::ports::Inbox`]: leases, settling and releasing.

use std::collections::BTreeSet;

use futures::future::join_all;
use sync_core::ports::WriteMode;
use sync_core::{
    Claim, ClaimOutcome, Disposition, ItemFailure, ItemKind, Lease, PortError, Settlement,
    ShopDomain, Trigger, WorkKind, WorkOutcome, WorkRequest,
};

use super::{State, after, claim, install, noon, release, retry, settle};
use crate::sample::{key, product, publication, shop};

fn dirty_item(id: u64) -> WorkRequest {
    WorkRequest::items(vec![key(ItemKind::Product, id)])
}

async fn installed(state: &dyn State) -> ShopDomain {
    let a = shop("a");
    install(state, &a).await;
    a
}

fn assert_lost<T: std::fmt::Debug>(result: Result<T, PortError>) {
    let error = result.expect_err("the lease is lost");
    assert_eq!(error.disposition, Disposition::LeaseLost, "{error:?}");
}

/// A shop has one holder at a time; a dead holder's shop can be claimed when its lease has expired.
pub async fn a_claimed_shop_is_not_claimed_again_until_the_lease_ends(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let first = claim(state, noon()).await.unwrap();
    assert!(claim(state, after(14)).await.is_none());
    let only = state.claim(Some(&a), after(14), after(29)).await.unwrap();
    assert!(matches!(only, ClaimOutcome::Idle { .. }), "{only:?}");
    let second = claim(state, after(15)).await.unwrap();
    assert!(second.lease.token > first.lease.token);
    let dirty = state.dirty(&second.lease, after(15), 9).await.unwrap();
    assert_eq!(
        dirty.len(),
        1,
        "the first worker's unsettled item is still dirty"
    );
}

/// Twenty workers and ten shops: ten claims of different shops.
pub async fn racing_workers_never_claim_one_shop_together(state: &dyn State) {
    for number in 0..10 {
        let shop = shop(&format!("s{number}"));
        install(state, &shop).await;
        state.request(&shop, &dirty_item(1), noon()).await.unwrap();
    }
    let claims = join_all((0..20).map(|_| claim(state, noon()))).await;
    let shops: Vec<_> = claims
        .into_iter()
        .flatten()
        .map(|claim| claim.lease.shop)
        .collect();
    let different: BTreeSet<_> = shops.iter().collect();
    assert_eq!(different.len(), shops.len(), "{shops:?}");
    let mut held = shops.len();
    // A worker that lost a race may have claimed nothing; the remaining shops are still claimable.
    while claim(state, noon()).await.is_some() {
        held += 1;
    }
    assert_eq!(held, 10);
}

/// The fencing token protects every write.
pub async fn every_write_under_a_lost_lease_is_rejected(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let slow = claim(state, noon()).await.unwrap().lease;
    let dirty = state.dirty(&slow, noon(), 9).await.unwrap();
    let quick = claim(state, after(15)).await.unwrap().lease;

    let product = product(1, "one");
    assert_lost(state.renew(&slow, after(60)).await);
    assert_lost(state.dirty(&slow, noon(), 9).await);
    assert_lost(settle(state, &slow, &dirty, &[]).await);
    assert_lost(
        state
            .upsert(&slow, std::slice::from_ref(&product), WriteMode::Refresh)
            .await,
    );
    assert_lost(state.tombstone(&slow, &[product.key], noon()).await);
    assert_lost(
        state
            .record_publication(&slow, &publication(1), noon())
            .await,
    );
    assert_lost(release(state, &slow, WorkOutcome::Done).await);

    assert!(state.counts(&a).await.unwrap().is_empty());
    assert_eq!(state.dirty(&quick, after(15), 9).await.unwrap(), dirty);
    release(state, &quick, WorkOutcome::Done).await.unwrap();
    assert_lost(release(state, &quick, WorkOutcome::Done).await);
    let nobodys = Lease {
        shop: shop("z"),
        token: 1,
    };
    assert_lost(state.renew(&nobodys, after(60)).await);
}

/// A worker that renews its lease keeps its shop.
pub async fn a_renewed_lease_lasts_longer(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    state.renew(&lease, after(100)).await.unwrap();
    assert!(claim(state, after(99)).await.is_none());
    assert!(claim(state, after(100)).await.is_some());
}

/// A scan requested during a scan is carried out later, at its own time.
pub async fn work_requested_during_a_run_stays_pending_after_it(state: &dyn State) {
    let a = installed(state).await;
    let full = WorkRequest::full(Trigger::Poll);
    state.request(&a, &full, noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    state.request(&a, &full, after(5)).await.unwrap();
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    assert!(claim(state, after(4)).await.is_none());
    let again = claim(state, after(5)).await.unwrap();
    assert!(again.get(WorkKind::Scan).is_some());
    release(state, &again.lease, WorkOutcome::Done)
        .await
        .unwrap();
    assert!(claim(state, after(60)).await.is_none());
}

/// An item requested again after it was read is read again.
pub async fn items_that_become_dirty_during_a_run_stay_dirty(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    state.request(&a, &dirty_item(2), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let dirty = state.dirty(&lease, noon(), 9).await.unwrap();
    state.request(&a, &dirty_item(1), after(1)).await.unwrap();
    settle(state, &lease, &dirty, &[]).await.unwrap();
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    assert!(claim(state, noon()).await.is_none());
    let lease = claim(state, after(1)).await.unwrap().lease;
    let left = state.dirty(&lease, after(1), 9).await.unwrap();
    let ids: Vec<_> = left.iter().map(|item| item.key.id.as_u64()).collect();
    assert_eq!(ids, [1]);
}

/// A failed item is dirty again at its retry time, with its failures counted, and at once when it is requested again.
pub async fn failed_items_are_postponed(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    state.request(&a, &dirty_item(2), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let mut dirty = state.dirty(&lease, noon(), 9).await.unwrap();
    let bad = dirty.remove(0);
    let failure = ItemFailure {
        item: bad.clone(),
        error: "the response cannot be decoded".to_owned(),
        retry_at: after(30),
    };
    settle(state, &lease, &dirty, &[failure]).await.unwrap();
    assert!(state.dirty(&lease, after(29), 9).await.unwrap().is_empty());
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    assert!(claim(state, after(29)).await.is_none());
    let lease = claim(state, after(30)).await.unwrap().lease;
    let due = state.dirty(&lease, after(30), 9).await.unwrap();
    assert_eq!((due[0].key, due[0].attempts), (bad.key, 1));
    let failure = ItemFailure {
        item: due[0].clone(),
        error: String::new(),
        retry_at: after(3600),
    };
    settle(state, &lease, &[], &[failure]).await.unwrap();
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    state.request(&a, &dirty_item(1), after(40)).await.unwrap();
    let lease = claim(state, after(40)).await.unwrap().lease;
    assert_eq!(state.dirty(&lease, after(40), 9).await.unwrap().len(), 1);
}

/// A failed run's work falls due again at the retry time, with the failure counted.
pub async fn a_retry_waits_and_counts(state: &dyn State) {
    let a = installed(state).await;
    let full = WorkRequest::full(Trigger::Backfill);
    state.request(&a, &full, noon()).await.unwrap();
    for attempt in 0..3 {
        let now = after(i64::from(attempt) * 60);
        let claimed = claim(state, now).await.unwrap();
        assert_eq!(claimed.get(WorkKind::Scan).unwrap().attempts, attempt);
        assert!(claimed.get(WorkKind::Scan).is_some());
        let at = now + chrono::TimeDelta::seconds(60);
        release(state, &claimed.lease, retry(at)).await.unwrap();
        assert!(
            claim(state, now + chrono::TimeDelta::seconds(59))
                .await
                .is_none()
        );
    }
    let claimed = claim(state, after(180)).await.unwrap();
    release(state, &claimed.lease, WorkOutcome::Done)
        .await
        .unwrap();
    state.request(&a, &full, after(200)).await.unwrap();
    let claimed = claim(state, after(200)).await.unwrap();
    assert_eq!(claimed.get(WorkKind::Scan).unwrap().attempts, 0);
}

/// New work does not wait for the retry of a failed run.
pub async fn new_work_does_not_wait_for_a_retry(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let at = after(3600);
    release(state, &lease, retry(at)).await.unwrap();
    state.request(&a, &dirty_item(2), after(1)).await.unwrap();
    let lease = claim(state, after(1)).await.unwrap().lease;
    assert_eq!(state.dirty(&lease, after(1), 9).await.unwrap().len(), 2);
}

/// A permanently failing scan is not retried; dirty items wait for new work.
pub async fn giving_up_drops_the_scan_and_waits_for_new_work(state: &dyn State) {
    let a = installed(state).await;
    state
        .request(&a, &WorkRequest::full(Trigger::Poll), noon())
        .await
        .unwrap();
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let error = "no such field".to_owned();
    release(state, &lease, WorkOutcome::Dead { error })
        .await
        .unwrap();
    assert!(claim(state, after(3600)).await.is_none());
    state
        .request(&a, &dirty_item(2), after(3600))
        .await
        .unwrap();
    let claimed = claim(state, after(3600)).await.unwrap();
    let [work] = &claimed.work[..] else {
        panic!("{claimed:?}");
    };
    assert_eq!((work.kind, work.attempts), (WorkKind::Refresh, 0));
    let dirty = state.dirty(&claimed.lease, after(3600), 9).await.unwrap();
    assert_eq!(dirty.len(), 2);
}

/// Work requested for later, after a worker died, does not delay the work that the worker had claimed.
pub async fn a_dead_workers_shop_does_not_wait_for_later_work(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    claim(state, noon()).await.unwrap();
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, after(7200)).await.unwrap();
    assert!(claim(state, after(14)).await.is_none());
    let claimed = claim(state, after(15)).await.unwrap();
    let dirty = state.dirty(&claimed.lease, after(15), 9).await.unwrap();
    assert_eq!(dirty.len(), 1);
}

/// A failed run is retried at its own time, not at the later time of work requested since.
pub async fn a_retry_does_not_wait_for_later_work(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, after(7200)).await.unwrap();
    let at = after(60);
    release(state, &lease, retry(at)).await.unwrap();
    assert!(claim(state, after(59)).await.is_none());
    assert!(claim(state, after(60)).await.is_some());
}

/// Items that a run left are claimable at once, after shops that have waited longer.
pub async fn unfinished_work_is_queued_again(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    state.request(&a, &dirty_item(2), noon()).await.unwrap();
    let b = shop("b");
    install(state, &b).await;
    state.request(&b, &dirty_item(1), after(5)).await.unwrap();
    let lease = claim(state, after(10)).await.unwrap().lease;
    assert_eq!(lease.shop, a);
    let first = state.dirty(&lease, after(10), 1).await.unwrap();
    settle(state, &lease, &first, &[]).await.unwrap();
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    assert_eq!(claim(state, after(10)).await.unwrap().lease.shop, b);
    let lease = claim(state, after(10)).await.unwrap().lease;
    let left = state.dirty(&lease, after(10), 9).await.unwrap();
    assert_eq!((lease.shop, left.len()), (a, 1));
}

/// A person's confirmation for one scan does not apply to the next.
pub async fn a_confirmation_applies_to_one_scan(state: &dyn State) {
    let a = installed(state).await;
    let confirmed = WorkRequest::full(Trigger::Manual).accepting_deletions();
    state.request(&a, &confirmed, noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, after(1)).await.unwrap();
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    let claimed = claim(state, after(1)).await.unwrap();
    let scan = claimed.get(WorkKind::Scan).unwrap();
    assert_eq!(scan.trigger, Trigger::Poll);
    assert!(!scan.arguments.accept_deletions);

    // But a retried scan keeps its confirmation.
    state.request(&a, &confirmed, after(1)).await.unwrap();
    let at = after(2);
    release(state, &claimed.lease, retry(at)).await.unwrap();
    let claimed = claim(state, after(2)).await.unwrap();
    let scan = claimed.get(WorkKind::Scan).unwrap();
    assert!(scan.arguments.accept_deletions);
}

/// Work that the current run has already done does not cause another run.
pub async fn work_already_done_starts_no_run(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    state.request(&a, &dirty_item(2), after(1)).await.unwrap();
    let dirty = state.dirty(&lease, noon(), 9).await.unwrap();
    assert_eq!(dirty.len(), 2);
    settle(state, &lease, &dirty, &[]).await.unwrap();
    release(state, &lease, WorkOutcome::Done).await.unwrap();
    let outcome = state.claim(None, after(60), after(75)).await.unwrap();
    assert_eq!(outcome, ClaimOutcome::Idle { next: None });
}

/// A worker whose lease predates an erasure and a new installation is still rejected.
pub async fn lease_tokens_grow_across_an_erasure(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let old = claim(state, noon()).await.unwrap().lease;
    state.erase(&a).await.unwrap();
    assert_lost(state.renew(&old, after(60)).await);
    install(state, &a).await;
    state.request(&a, &dirty_item(1), after(1)).await.unwrap();
    let new = claim(state, after(1)).await.unwrap().lease;
    assert!(new.token > old.token);
    assert_lost(state.renew(&old, after(60)).await);
}

fn kinds(claim: &Claim) -> Vec<WorkKind> {
    claim.work.iter().map(|work| work.kind).collect()
}

/// Of two kinds of work, one is done and the other one is retried, at its own time and with its own attempts.
pub async fn kinds_of_work_end_separately(state: &dyn State) {
    let a = installed(state).await;
    let full = WorkRequest::full(Trigger::Poll);
    state.request(&a, &full, noon()).await.unwrap();
    let claimed = claim(state, noon()).await.unwrap();
    assert_eq!(kinds(&claimed), [WorkKind::Subscribe, WorkKind::Scan]);
    let outcomes = [
        (WorkKind::Subscribe, retry(after(60))),
        (WorkKind::Scan, WorkOutcome::Done),
    ];
    state.release(&claimed.lease, &outcomes).await.unwrap();
    state.request(&a, &dirty_item(1), after(10)).await.unwrap();
    let refresh = claim(state, after(10)).await.unwrap();
    assert_eq!(kinds(&refresh), [WorkKind::Refresh]);
    assert_eq!(refresh.work[0].attempts, 0);
    let dirty = state.dirty(&refresh.lease, after(10), 9).await.unwrap();
    settle(state, &refresh.lease, &dirty, &[]).await.unwrap();
    let outcomes = [(WorkKind::Refresh, WorkOutcome::Done)];
    state.release(&refresh.lease, &outcomes).await.unwrap();
    assert!(claim(state, after(59)).await.is_none());
    let retried = claim(state, after(60)).await.unwrap();
    assert_eq!(kinds(&retried), [WorkKind::Subscribe]);
    let work = &retried.work[0];
    assert_eq!((work.trigger, work.attempts), (Trigger::Poll, 1));
}

/// Requests of other kinds leave it alone; one of its own begins anew, without the old arguments.
pub async fn dead_work_waits_for_a_request_of_its_kind(state: &dyn State) {
    let a = installed(state).await;
    let confirmed = WorkRequest::full(Trigger::Manual).accepting_deletions();
    state.request(&a, &confirmed, noon()).await.unwrap();
    let claimed = claim(state, noon()).await.unwrap();
    let error = "no such field".to_owned();
    let outcomes = [
        (WorkKind::Subscribe, WorkOutcome::Done),
        (WorkKind::Scan, WorkOutcome::Dead { error }),
    ];
    state.release(&claimed.lease, &outcomes).await.unwrap();
    let idle = ClaimOutcome::Idle { next: None };
    let only = state.claim(Some(&a), after(60), after(75)).await.unwrap();
    assert_eq!(only, idle, "also for a person");
    state.request(&a, &dirty_item(1), after(60)).await.unwrap();
    let refresh = claim(state, after(60)).await.unwrap();
    assert_eq!(kinds(&refresh), [WorkKind::Refresh]);
    release(state, &refresh.lease, WorkOutcome::Done)
        .await
        .unwrap();

    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, after(3600)).await.unwrap();
    let revived = claim(state, after(3600)).await.unwrap();
    let scan = revived.get(WorkKind::Scan).unwrap();
    assert_eq!((scan.trigger, scan.attempts), (Trigger::Poll, 0));
    assert!(!scan.arguments.accept_deletions);
}

/// Work that was requested again while it failed for good is tried again.
pub async fn a_request_during_a_run_revives_dead_work(state: &dyn State) {
    let a = installed(state).await;
    let manual = WorkRequest::full(Trigger::Manual);
    state.request(&a, &manual, noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, after(5)).await.unwrap();
    let error = "no such field".to_owned();
    release(state, &lease, WorkOutcome::Dead { error })
        .await
        .unwrap();
    assert!(claim(state, after(4)).await.is_none());
    let claimed = claim(state, after(5)).await.unwrap();
    let scan = claimed.get(WorkKind::Scan).unwrap();
    assert_eq!((scan.trigger, scan.attempts), (Trigger::Poll, 0));
}

/// What a dead holder had claimed and what was requested since is one piece of work: the first trigger, the last arguments,
/// and the attempts that have failed.
pub async fn an_expired_leases_work_is_merged_with_new_requests(state: &dyn State) {
    let a = installed(state).await;
    let poll = WorkRequest::full(Trigger::Poll);
    state.request(&a, &poll, noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    release(state, &lease, retry(after(1))).await.unwrap();
    claim(state, after(1)).await.unwrap();
    let confirmed = WorkRequest::full(Trigger::Manual).accepting_deletions();
    state.request(&a, &confirmed, after(7200)).await.unwrap();
    let claimed = claim(state, after(16)).await.unwrap();
    assert_eq!(kinds(&claimed), [WorkKind::Subscribe, WorkKind::Scan]);
    let scan = claimed.get(WorkKind::Scan).unwrap();
    assert_eq!((scan.trigger, scan.attempts), (Trigger::Poll, 1));
    assert!(scan.arguments.accept_deletions);
    release(state, &claimed.lease, WorkOutcome::Done)
        .await
        .unwrap();
    assert!(claim(state, after(86_400)).await.is_none());
}

/// Until a shop is released, the end of its lease is awaited, also if its work is finished. Afterwards there is nothing to wait
/// for, even if the holder has died.
pub async fn a_run_that_goes_on_is_not_idle(state: &dyn State) {
    let a = installed(state).await;
    state.request(&a, &dirty_item(1), noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let settlement = Settlement {
        done: state.dirty(&lease, noon(), 9).await.unwrap(),
        finished: Some(WorkKind::Refresh),
        ..Settlement::default()
    };
    state.settle(&lease, &settlement).await.unwrap();
    let goes_on = ClaimOutcome::Idle {
        next: Some(after(15)),
    };
    let idle = ClaimOutcome::Idle { next: None };
    for only in [None, Some(&a)] {
        let claiming = state.claim(only, after(1), after(16)).await;
        assert_eq!(claiming.unwrap(), goes_on);
        let claiming = state.claim(only, after(15), after(30)).await;
        assert_eq!(claiming.unwrap(), idle);
    }
    state.release(&lease, &[]).await.unwrap();
    let claiming = state.claim(None, after(1), after(16)).await;
    assert_eq!(claiming.unwrap(), idle);
}

/// A run that is interrupted leaves what it has not finished as it was.
pub async fn unfinished_work_is_put_back_unchanged(state: &dyn State) {
    let a = installed(state).await;
    let full = WorkRequest::full(Trigger::Backfill).accepting_deletions();
    state.request(&a, &full, noon()).await.unwrap();
    let claimed = claim(state, after(1)).await.unwrap();
    let outcomes = [(WorkKind::Subscribe, WorkOutcome::Done)];
    state.release(&claimed.lease, &outcomes).await.unwrap();
    let again = claim(state, after(1)).await.unwrap();
    assert_eq!(again.work[..], claimed.work[1..]);
}

/// A scan ends, its items are settled and the publication is claimed, all at once: if the holder dies after that, only
/// publishing is left. Publishing that waits for its retry is not hurried.
pub async fn a_settlement_finishes_work_and_claims_the_publication(state: &dyn State) {
    let a = installed(state).await;
    let full = WorkRequest::full(Trigger::Poll);
    state.request(&a, &full, noon()).await.unwrap();
    state.request(&a, &dirty_item(1), after(1)).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let settlement = Settlement {
        at: after(2),
        done: state.dirty(&lease, noon(), 9).await.unwrap(),
        scanned: true,
        finished: Some(WorkKind::Scan),
        publish: Some(Trigger::Poll),
        ..Settlement::default()
    };
    assert!(state.settle(&lease, &settlement).await.unwrap());
    let found = state.find(&a).await.unwrap().unwrap();
    assert_eq!(found.reconciled_at, Some(after(2)));
    assert!(
        !state.settle(&lease, &settlement).await.unwrap(),
        "it is claimed already"
    );

    let next = claim(state, after(15)).await.unwrap();
    assert_eq!(kinds(&next), [WorkKind::Subscribe, WorkKind::Publish]);
    let outcomes = [
        (WorkKind::Subscribe, WorkOutcome::Done),
        (WorkKind::Publish, retry(after(3600))),
    ];
    state.release(&next.lease, &outcomes).await.unwrap();
    state.request(&a, &dirty_item(1), after(20)).await.unwrap();
    let refresh = claim(state, after(20)).await.unwrap();
    let settlement = Settlement {
        done: state.dirty(&refresh.lease, after(20), 9).await.unwrap(),
        finished: Some(WorkKind::Refresh),
        ..settlement
    };
    assert!(!state.settle(&refresh.lease, &settlement).await.unwrap());
    state.release(&refresh.lease, &[]).await.unwrap();
    assert!(claim(state, after(3599)).await.is_none());
    let retried = claim(state, after(3600)).await.unwrap();
    assert_eq!(kinds(&retried), [WorkKind::Publish]);
    assert_eq!(retried.work[0].attempts, 1);

    // Publishing that cannot succeed is tried again with the next change.
    let error = "refused".to_owned();
    release(state, &retried.lease, WorkOutcome::Dead { error })
        .await
        .unwrap();
    state
        .request(&a, &dirty_item(1), after(4000))
        .await
        .unwrap();
    let refresh = claim(state, after(4000)).await.unwrap();
    let settlement = Settlement {
        done: state.dirty(&refresh.lease, after(4000), 9).await.unwrap(),
        ..settlement
    };
    assert!(state.settle(&refresh.lease, &settlement).await.unwrap());
}
