//! Tests that an unchanged document is not uploaded.

use sync_core::Outcome;
use sync_core::ports::ShopRegistry;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_uploads_nothing() {
    let world = World::builder().installed().await;
    for _ in 0..2 {
        world.sync().await;
        let newest = world.runs().await.into_iter().next().unwrap();
        assert!(newest.full);
        assert_eq!(newest.finished.unwrap().1.outcome, Outcome::Unchanged);
    }
    assert_eq!(world.app.put_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_in_another_order_change_nothing() {
    let world = World::builder().installed().await;
    for seed in 1..=3 {
        world.shop.shuffle(seed);
        world.sync().await;
    }
    assert_eq!(world.app.put_count(), 1);
    world.document_matches_shop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_price_is_one_upload() {
    let world = World::builder().installed().await;
    let product = world.shop.product_ids()[3];
    world
        .shop
        .without_webhooks()
        .set_price(product, None, "123.45")
        .unwrap();
    world.sync().await;
    assert_eq!(world.app.put_count(), 2);
    world.document_matches_shop().await.unwrap();
    world.sync().await;
    assert_eq!(world.app.put_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_uploaded_again_after_a_restart_with_an_empty_mirror() {
    // As after a move to a new database: the Space still contains the same bytes.
    let world = World::builder().installed().await;
    world
        .app
        .service()
        .database
        .erase(&world.domain)
        .await
        .unwrap();
    let report = world.install().await;
    assert_eq!(report["upload_status"], "success");
    world.settled().await;
    assert_eq!(world.app.put_count(), 1);
}
