//! Tests [`sync_core::ports::ShopRegistry`].

use secrecy::{ExposeSecret, SecretString};
use sync_core::{DeliverySubject, ItemKind, Section, ShopStatus, Trigger, UnavailableReason};

use super::{State, after, change_status, claim, install, noon};
use crate::sample::{delivery, installation, key, product, publication, shop};
use sync_core::ports::WriteMode;
use sync_core::{RecordOutcome, Settlement, ShopEvent, WorkRequest};

/// Installed shops are found, and listed by domain in pages.
pub async fn an_installed_shop_is_found_and_listed(state: &dyn State) {
    let names = ["c", "a", "b"];
    for name in names {
        install(state, &shop(name)).await;
    }
    assert_eq!(state.find(&shop("d")).await.unwrap(), None);
    let found = state.find(&shop("a")).await.unwrap().unwrap();
    assert_eq!(found.domain, shop("a"));
    assert_eq!(found.status, ShopStatus::Active);
    assert_eq!(found.installed_at, noon());
    assert_eq!(found.scopes, ["read_products", "read_inventory"]);
    assert_eq!((found.reconciled_at, found.published), (None, None));

    let page = state.list(None, 2).await.unwrap();
    let domains: Vec<_> = page.into_iter().map(|shop| shop.domain).collect();
    assert_eq!(domains, [shop("a"), shop("b")]);
    let rest = state.list(Some(&shop("b")), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].domain, shop("c"));

    let request = WorkRequest::full(Trigger::Backfill);
    state.request(&shop("a"), &request, noon()).await.unwrap();
    let lease = claim(state, noon()).await.unwrap().lease;
    let settlement = Settlement {
        at: after(7),
        scanned: true,
        ..Settlement::default()
    };
    state.settle(&lease, &settlement).await.unwrap();
    let scanned = state.find(&shop("a")).await.unwrap().unwrap();
    assert_eq!(scanned.reconciled_at, Some(after(7)));
}

/// Installing again makes the shop active, with the new token, scopes and time.
pub async fn a_reinstallation_renews_token_and_status(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let frozen = ShopStatus::Unavailable(UnavailableReason::Frozen);
    change_status(state, &a, ShopEvent::Refused(UnavailableReason::Frozen)).await;
    assert_eq!(state.find(&a).await.unwrap().unwrap().status, frozen);

    let mut again = installation(&a, after(60));
    again.token.access_token = SecretString::from("shpat_new");
    again.token.refresh_token = None;
    again.scopes = vec!["read_discounts".to_owned()];
    state.install(&again).await.unwrap();

    let found = state.find(&a).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Active);
    assert_eq!(found.installed_at, after(60));
    assert_eq!(found.scopes, ["read_discounts"]);
    let stored = state.token(&a).await.unwrap().unwrap();
    assert_eq!(stored.token.access_token.expose_secret(), "shpat_new");
    assert!(stored.token.refresh_token.is_none());
}

/// Uninstalling deletes the token and keeps the shop.
pub async fn an_uninstalled_shop_has_no_token(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let version = state.token(&a).await.unwrap().unwrap().version;
    change_status(state, &a, ShopEvent::Uninstalled).await;
    assert!(state.token(&a).await.unwrap().is_none());
    let found = state.find(&a).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Uninstalled);
    install(state, &a).await;
    assert!(state.token(&a).await.unwrap().unwrap().version > version);
}

/// Erasing removes a shop's rows of every kind, and no other shop's.
pub async fn an_erased_shop_leaves_nothing(state: &dyn State) {
    let subject = DeliverySubject::Item(key(ItemKind::Product, 1));
    let request = WorkRequest::items(vec![key(ItemKind::Product, 1)]);
    for name in ["a", "b"] {
        let shop = shop(name);
        install(state, &shop).await;
        let delivery = delivery(&shop, "w1", subject, noon());
        state.record(&delivery, &request, noon()).await.unwrap();
        let run = state.start(&shop, Trigger::Webhook, false, noon()).await;
        let claimed = claim(state, noon()).await.unwrap();
        let items = [product(1, "one")];
        let lease = &claimed.lease;
        state
            .upsert(lease, &items, WriteMode::Scan(run.unwrap()))
            .await
            .unwrap();
        let recorded = state
            .record_publication(lease, &publication(1), noon())
            .await;
        recorded.unwrap();
    }
    state.erase(&shop("a")).await.unwrap();
    state.erase(&shop("unknown")).await.unwrap();

    assert_eq!(state.find(&shop("a")).await.unwrap(), None);
    assert!(state.token(&shop("a")).await.unwrap().is_none());
    assert!(state.recent(Some(&shop("a")), 9).await.unwrap().is_empty());
    let page = state.page(&shop("a"), Section::Products, None, 9).await;
    assert!(page.unwrap().is_empty());
    install(state, &shop("a")).await;
    assert_eq!(
        claim(state, after(3600)).await.unwrap().lease.shop,
        shop("b")
    );
    assert!(
        claim(state, after(3600)).await.is_none(),
        "a's dirty item was deleted"
    );
    let delivery = delivery(&shop("a"), "w1", subject, noon());
    let recorded = state.record(&delivery, &request, noon()).await.unwrap();
    assert_eq!(recorded, RecordOutcome::New);
    assert_eq!(state.recent(Some(&shop("b")), 9).await.unwrap().len(), 1);
    assert_eq!(state.counts(&shop("b")).await.unwrap().len(), 1);
}

/// Of a pause and a refusal that come together, both have happened in some order: the shop is paused.
pub async fn concurrent_events_are_all_applied(state: &dyn State) {
    let a = shop("a");
    for _ in 0..8 {
        install(state, &a).await;
        let events = [
            ShopEvent::Paused,
            ShopEvent::Refused(UnavailableReason::Locked),
            ShopEvent::Served,
        ];
        let changes = events.map(|event| state.change_status(&a, event));
        for change in futures::future::join_all(changes).await {
            change.unwrap();
        }
        let status = state.find(&a).await.unwrap().unwrap().status;
        assert_eq!(status, ShopStatus::Paused);
    }
}

/// A status changes only as its events permit, and only of a known shop.
pub async fn an_event_that_changes_nothing_is_ignored(state: &dyn State) {
    let a = shop("a");
    let refused = ShopEvent::Refused(UnavailableReason::Forbidden);
    assert_eq!(state.change_status(&a, refused).await.unwrap(), None);
    install(state, &a).await;
    assert_eq!(
        state.change_status(&a, ShopEvent::Served).await.unwrap(),
        None
    );
    let changed = state.change_status(&a, ShopEvent::Uninstalled).await;
    assert_eq!(changed.unwrap(), Some(ShopStatus::Uninstalled));
    for event in [
        refused,
        ShopEvent::Served,
        ShopEvent::Paused,
        ShopEvent::Resumed,
    ] {
        assert_eq!(state.change_status(&a, event).await.unwrap(), None);
    }
    let status = state.find(&a).await.unwrap().unwrap().status;
    assert_eq!(status, ShopStatus::Uninstalled);
}
