//! Tests duplicate deliveries, uninstallations and redactions.

use sync_core::intake::IntakeOutcome;
use sync_core::ports::{Inbox, RunLog, ShopRegistry};
use sync_core::progress::Event;
use sync_core::{
    DeliverySubject, Disposition, ItemKind, Outcome, PortError, RecordOutcome, ShopStatus, Trigger,
    WorkRequest,
};
use testkit::{delivery, installation, item, key, product, shop};
use tokio_util::sync::CancellationToken;

use crate::harness::Harness;

#[tokio::test]
async fn the_same_delivery_fifty_times_is_one() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.scan().await;
    let one = key(ItemKind::Product, 1);
    assert_eq!(harness.deliver("w1", one).await, IntakeOutcome::Recorded);
    for _ in 0..49 {
        assert_eq!(harness.deliver("w1", one).await, IntakeOutcome::Duplicate);
    }
    harness.settle().await.unwrap();
    assert_eq!(harness.deliver("w1", one).await, IntakeOutcome::Duplicate);
    assert!(harness.settle().await.is_none());
    assert_eq!(harness.catalog.fetches(), 1);
}

#[tokio::test]
async fn an_unknown_shop_changes_nothing() {
    let harness = Harness::new().await;
    let stranger = shop("stranger");
    let subject = DeliverySubject::Item(key(ItemKind::Product, 1));
    let delivery = delivery(&stranger, "w1", subject, harness.now());
    let received = harness.intake.receive(&delivery).await.unwrap();
    assert_eq!(received, IntakeOutcome::UnknownShop);
    let nothing = WorkRequest::default();
    let recorded = harness
        .state
        .record(&delivery, &nothing, harness.now())
        .await;
    assert_eq!(recorded.unwrap(), RecordOutcome::New, "it was not stored");
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn an_uninstallation_ends_the_work() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.scan().await;
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    assert_eq!(
        harness
            .deliver_subject("w2", DeliverySubject::Uninstalled)
            .await,
        IntakeOutcome::Recorded
    );
    let known = harness.state.find(&Harness::shop()).await.unwrap().unwrap();
    assert_eq!(known.status, ShopStatus::Uninstalled);
    assert!(
        harness
            .state
            .token(&Harness::shop())
            .await
            .unwrap()
            .is_none()
    );
    assert!(harness.settle().await.is_none());
    assert_eq!(
        harness.lines().len(),
        1,
        "the snapshot stays until the shop's data must be erased"
    );
}

#[tokio::test]
async fn a_late_uninstallation_does_not_end_a_new_installation() {
    let harness = Harness::new().await;
    let before = harness.now() - chrono::TimeDelta::hours(20);
    let late = delivery(&Harness::shop(), "w1", DeliverySubject::Uninstalled, before);
    assert_eq!(
        harness.intake.receive(&late).await.unwrap(),
        IntakeOutcome::Outdated
    );
    let known = harness.state.find(&Harness::shop()).await.unwrap().unwrap();
    assert_eq!(known.status, ShopStatus::Active);
}

#[tokio::test]
async fn redaction_erases_an_uninstalled_shop() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.scan().await;
    harness
        .deliver_subject("w1", DeliverySubject::Uninstalled)
        .await;
    harness.deliver_subject("w2", DeliverySubject::Redact).await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Erased);
    assert_eq!(harness.state.find(&Harness::shop()).await.unwrap(), None);
    assert!(harness.snapshots.lines(&Harness::shop()).is_none());
    assert!(harness.state.recent(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn redaction_spares_a_shop_that_is_installed_again() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.scan().await;
    harness.deliver_subject("w1", DeliverySubject::Redact).await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(harness.lines().len(), 1);
    assert!(
        harness.settle().await.is_none(),
        "it is not requested again"
    );

    // The registry says active, but the token is revoked: the delivery of the uninstallation was lost.
    harness
        .catalog
        .fail_next(PortError::new("probe", Disposition::Fail, "401"));
    harness.deliver_subject("w2", DeliverySubject::Redact).await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Erased);
}

#[tokio::test]
async fn new_permissions_lead_to_a_scan() {
    let harness = Harness::new().await;
    harness.catalog.put(item(key(ItemKind::Discount, 1), "{}"));
    harness.deliver_subject("w1", DeliverySubject::Scopes).await;
    harness.settle().await.unwrap();
    assert_eq!(harness.lines().len(), 1);
}

#[tokio::test]
async fn a_shop_erased_and_installed_again_starts_empty() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.scan().await;
    harness
        .deliver_subject("w1", DeliverySubject::Uninstalled)
        .await;
    harness.deliver_subject("w2", DeliverySubject::Redact).await;
    harness.settle().await.unwrap();
    let again = installation(&Harness::shop(), harness.now());
    harness.state.install(&again).await.unwrap();
    assert!(matches!(
        harness.scan().await.outcome,
        Outcome::Published { .. }
    ));
}

#[tokio::test]
async fn a_delivery_that_requests_work_is_observed_once() {
    let harness = Harness::new().await;
    let one = key(ItemKind::Product, 1);
    for _ in 0..3 {
        harness.deliver("w1", one).await;
    }
    harness
        .deliver_subject("w2", DeliverySubject::Nothing)
        .await;
    let delivered = Event::Delivered {
        shop: Harness::shop(),
        topic: "products/update".to_owned(),
        changed_at: harness.now(),
    };
    assert_eq!(harness.events.take(), [delivered]);
    for id in ["w3", "w4"] {
        harness
            .deliver_subject(id, DeliverySubject::Uninstalled)
            .await;
    }
    let uninstalled = Event::StatusChanged {
        shop: Harness::shop(),
        status: ShopStatus::Uninstalled,
    };
    assert_eq!(harness.events.take(), [uninstalled]);
}

#[tokio::test]
async fn a_worker_reports_its_claims_and_its_run() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.request(&WorkRequest::full(Trigger::Manual)).await;
    let shutdown = CancellationToken::new();
    for _ in 0..2 {
        let run = harness.engine.run_next(None, &harness.events, &shutdown);
        run.await.unwrap();
    }
    let events = harness.events.take();
    assert_eq!(events[0], Event::Claiming { claim: 0 });
    let [.., finished, claiming, idle] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(finished.finished().is_some(), "{finished:?}");
    assert_eq!(*claiming, Event::Claiming { claim: 1 });
    assert_eq!(
        *idle,
        Event::Idle {
            claim: 1,
            next: None
        }
    );
}
