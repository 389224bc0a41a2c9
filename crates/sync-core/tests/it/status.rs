//! Tests that a shop's status survives the runs that were under way when it changed.

use sync_core::ports::ShopRegistry;
use sync_core::progress::NoopObserver;
use sync_core::{
    Disposition, ItemKind, PortError, ShopEvent, ShopStatus, Trigger, UnavailableReason,
    WorkRequest,
};
use testkit::product;
use tokio_util::sync::CancellationToken;

use crate::harness::Harness;

/// The status after a run during which `event` happened, and which Shopify has refused, or not.
async fn status_after(event: ShopEvent, refused: bool) -> ShopStatus {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    if refused {
        let reason = UnavailableReason::Unauthorized;
        let error = PortError::new("read", Disposition::ShopUnavailable { reason }, "401");
        harness.catalog.fail_scan(ItemKind::Product, 0, error);
    }
    let gate = harness.catalog.hold_next_scan();
    harness.request(&WorkRequest::full(Trigger::Manual)).await;
    let shutdown = CancellationToken::new();
    let during = async {
        gate.reached().await;
        let changed = harness.state.change_status(&Harness::shop(), event).await;
        assert!(changed.unwrap().is_some());
        gate.open();
    };
    let run = harness.engine.run_next(None, &NoopObserver, &shutdown);
    let (ran, ()) = tokio::join!(run, during);
    ran.unwrap();
    assert!(harness.run().await.is_none(), "it is not served any more");
    let found = harness.state.find(&Harness::shop()).await.unwrap();
    found.unwrap().status
}

#[tokio::test]
async fn an_uninstallation_during_a_run_stays() {
    for refused in [false, true] {
        let status = status_after(ShopEvent::Uninstalled, refused).await;
        assert_eq!(status, ShopStatus::Uninstalled, "refused: {refused}");
    }
}

#[tokio::test]
async fn a_pause_during_a_run_stays() {
    for refused in [false, true] {
        let status = status_after(ShopEvent::Paused, refused).await;
        assert_eq!(status, ShopStatus::Paused, "refused: {refused}");
    }
}
