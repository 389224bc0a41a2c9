use sync_core::intake::IntakeOutcome;
use sync_core::ports::{RunLog, ShopRegistry};
use sync_core::{
    DeliveryId, DeliverySubject, Disposition, ItemKind, Outcome, PortError, ShopStatus,
};
use testkit::{delivery, installation, item, key, product, shop};

use crate::bench::Bench;

#[tokio::test]
async fn the_same_delivery_fifty_times_is_one() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.scan().await;
    let one = key(ItemKind::Product, 1);
    assert_eq!(bench.deliver("w1", one).await, IntakeOutcome::Recorded);
    for _ in 0..49 {
        assert_eq!(bench.deliver("w1", one).await, IntakeOutcome::Duplicate);
    }
    bench.settle().await.unwrap();
    assert_eq!(bench.deliver("w1", one).await, IntakeOutcome::Duplicate);
    assert!(bench.settle().await.is_none());
    assert_eq!(bench.catalog.fetches(), 1);
}

#[tokio::test]
async fn an_unknown_shop_changes_nothing() {
    let bench = Bench::new().await;
    let stranger = shop("stranger");
    let subject = DeliverySubject::Item(key(ItemKind::Product, 1));
    let delivery = delivery(&stranger, "w1", subject, bench.now());
    let received = bench.intake.receive(&delivery).await.unwrap();
    assert_eq!(received, IntakeOutcome::UnknownShop);
    assert!(
        !bench
            .state
            .has_delivery(&stranger, &DeliveryId("w1".to_owned()))
    );
    assert!(bench.state.is_settled());
}

#[tokio::test]
async fn an_uninstallation_ends_the_work() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.scan().await;
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    assert_eq!(
        bench
            .deliver_subject("w2", DeliverySubject::Uninstalled)
            .await,
        IntakeOutcome::Recorded
    );
    let known = bench.state.find(&Bench::shop()).await.unwrap().unwrap();
    assert_eq!(known.status, ShopStatus::Uninstalled);
    assert!(bench.state.token(&Bench::shop()).await.unwrap().is_none());
    assert!(bench.settle().await.is_none());
    assert_eq!(
        bench.lines().len(),
        1,
        "the snapshot stays until the shop's data must go"
    );
}

#[tokio::test]
async fn a_late_uninstallation_does_not_end_a_new_installation() {
    let bench = Bench::new().await;
    let before = bench.now() - chrono::TimeDelta::hours(20);
    let late = delivery(&Bench::shop(), "w1", DeliverySubject::Uninstalled, before);
    assert_eq!(
        bench.intake.receive(&late).await.unwrap(),
        IntakeOutcome::Outdated
    );
    let known = bench.state.find(&Bench::shop()).await.unwrap().unwrap();
    assert_eq!(known.status, ShopStatus::Active);
}

#[tokio::test]
async fn redaction_erases_an_uninstalled_shop() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.scan().await;
    bench
        .deliver_subject("w1", DeliverySubject::Uninstalled)
        .await;
    bench.deliver_subject("w2", DeliverySubject::Redact).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Erased);
    assert_eq!(bench.state.find(&Bench::shop()).await.unwrap(), None);
    assert!(bench.snapshots.lines(&Bench::shop()).is_none());
    assert!(bench.state.recent(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn redaction_spares_a_shop_that_lets_us_in() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.scan().await;
    bench.deliver_subject("w1", DeliverySubject::Redact).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(bench.lines().len(), 1);
    assert!(bench.settle().await.is_none(), "it is not asked again");

    // Installed by our books, but the token is dead: the uninstallation's delivery was lost.
    bench
        .catalog
        .fail_next(PortError::new("probe", Disposition::Fail, "401"));
    bench.deliver_subject("w2", DeliverySubject::Redact).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Erased);
}

#[tokio::test]
async fn new_permissions_lead_to_a_scan() {
    let bench = Bench::new().await;
    bench.catalog.put(item(key(ItemKind::Discount, 1), "{}"));
    bench.deliver_subject("w1", DeliverySubject::Scopes).await;
    bench.settle().await.unwrap();
    assert_eq!(bench.lines().len(), 1);
}

#[tokio::test]
async fn a_shop_erased_and_installed_again_starts_afresh() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.scan().await;
    bench
        .deliver_subject("w1", DeliverySubject::Uninstalled)
        .await;
    bench.deliver_subject("w2", DeliverySubject::Redact).await;
    bench.settle().await.unwrap();
    let again = installation(&Bench::shop(), bench.now());
    bench.state.install(&again).await.unwrap();
    assert!(matches!(
        bench.scan().await.outcome,
        Outcome::Published { .. }
    ));
}
