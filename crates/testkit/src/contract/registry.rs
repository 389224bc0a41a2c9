//! Tests [`sync_core::ports::ShopRegistry`].

use secrecy::{ExposeSecret, SecretString};
use sync_core::{
    ContentHash, DeliverySubject, ItemKind, Section, ShopStatus, Trigger, UnavailableReason,
};

use super::{State, after, claim, install, noon};
use crate::sample::{delivery, installation, key, product, shop};
use sync_core::ports::WriteMode;
use sync_core::{RecordOutcome, WorkRequest};

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

    state.record_scan(&shop("a"), after(7)).await.unwrap();
    let scanned = state.find(&shop("a")).await.unwrap().unwrap();
    assert_eq!(scanned.reconciled_at, Some(after(7)));
}

/// Installing again makes the shop active, with the new token, scopes and time.
pub async fn a_reinstallation_renews_token_and_status(state: &dyn State) {
    let a = shop("a");
    install(state, &a).await;
    let frozen = ShopStatus::Unavailable(UnavailableReason::Frozen);
    state.set_status(&a, frozen).await.unwrap();
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
    state.set_status(&a, ShopStatus::Uninstalled).await.unwrap();
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
        let hash = ContentHash([1; 32]);
        state.mark_published(lease, 1, hash, noon()).await.unwrap();
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
