//! Tests [`sync_core::ports::Mirror`].

use sync_core::ports::{Change, Revision, WriteMode};
use sync_core::{
    ContentHash, Item, ItemId, ItemKey, ItemKind, Lease, RunId, Section, ShopDomain, Trigger,
    WorkRequest,
};

use super::{State, claim, install, noon};
use crate::sample::{item, key, product, shop};

async fn leased(state: &dyn State, shop: &ShopDomain) -> Lease {
    install(state, shop).await;
    let request = WorkRequest::full(Trigger::Manual);
    state.request(shop, &request, noon()).await.unwrap();
    claim(state, noon()).await.unwrap().lease
}

async fn put(state: &dyn State, lease: &Lease, item: Item) -> (Change, bool) {
    let upserted = state
        .upsert(lease, std::slice::from_ref(&item), WriteMode::Refresh)
        .await
        .unwrap();
    assert_eq!(upserted[0].key, item.key);
    (upserted[0].change, upserted[0].denorm_changed)
}

async fn ids(state: &dyn State, shop: &ShopDomain, section: Section) -> Vec<u64> {
    let page = state.page(shop, section, None, 1_000).await.unwrap();
    page.iter().map(|item| item.id.as_u64()).collect()
}

/// Added, updated or unchanged, with or without changed denormalised fields.
pub async fn writing_returns_what_changed(state: &dyn State) {
    let lease = leased(state, &shop("a")).await;
    assert_eq!(
        put(state, &lease, product(1, "one")).await,
        (Change::Added, true)
    );
    assert_eq!(
        put(state, &lease, product(1, "one")).await,
        (Change::None, false)
    );
    assert_eq!(
        put(state, &lease, product(1, "uno")).await,
        (Change::Updated, true)
    );
    let mut cheaper = item(key(ItemKind::Product, 1), r#"{"price":"1.00"}"#);
    cheaper.denorm_fields.push_str("uno");
    assert_eq!(put(state, &lease, cheaper).await, (Change::Updated, false));

    let many: Vec<Item> = (1..=300).map(|id| product(id, "x")).collect();
    let upserted = state
        .upsert(&lease, &many, WriteMode::Refresh)
        .await
        .unwrap();
    let keys: Vec<_> = upserted.iter().map(|item| item.key).collect();
    let expected: Vec<_> = many.iter().map(|item| item.key).collect();
    assert_eq!(keys, expected, "results are in the order of the items");
    assert_eq!(upserted[0].change, Change::Updated);
    assert!(
        upserted[1..]
            .iter()
            .all(|item| item.change == Change::Added)
    );
    assert!(
        state
            .upsert(&lease, &[], WriteMode::Refresh)
            .await
            .unwrap()
            .is_empty()
    );
}

/// A dry run returns the same results and does not check the lease.
pub async fn a_dry_run_writes_nothing(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    put(state, &lease, product(1, "one")).await;
    let before = state.revision(&a).await.unwrap();
    let nobodys = Lease {
        shop: a.clone(),
        token: 0,
    };
    let items = [product(1, "uno"), product(2, "two")];
    let upserted = state
        .upsert(&nobodys, &items, WriteMode::DryRun)
        .await
        .unwrap();
    let changes: Vec<_> = upserted.iter().map(|item| item.change).collect();
    assert_eq!(changes, [Change::Updated, Change::Added]);
    assert_eq!(ids(state, &a, Section::Products).await, [1]);
    assert_eq!(put(state, &lease, product(1, "one")).await.0, Change::None);
    assert_eq!(state.revision(&a).await.unwrap(), before);
}

/// 9 comes before 10, ids beyond 2^53 are exact, pages have no gaps.
pub async fn ids_are_ordered_as_numbers(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    let largest = u64::try_from(i64::MAX).unwrap();
    let expected = [
        9,
        10,
        100,
        9_007_199_254_740_992,
        9_007_199_254_740_993,
        largest,
    ];
    for id in [
        100,
        largest,
        9,
        9_007_199_254_740_993,
        10,
        9_007_199_254_740_992,
    ] {
        put(state, &lease, product(id, "x")).await;
    }
    assert_eq!(ids(state, &a, Section::Products).await, expected);
    let mut paged = Vec::new();
    let mut last: Option<ItemId> = None;
    loop {
        let page = state.page(&a, Section::Products, last, 2).await.unwrap();
        let Some(item) = page.last() else { break };
        last = Some(item.id);
        assert!(page.len() <= 2);
        paged.extend(page.iter().map(|item| item.id.as_u64()));
    }
    assert_eq!(paged, expected);
    let body = &state.page(&a, Section::Products, None, 1).await.unwrap()[0].body;
    assert_eq!(*body, product(9, "x").body);
    assert!(ids(state, &a, Section::Collections).await.is_empty());
}

/// A tombstoned item is not listed; one that is written again is added.
pub async fn a_tombstone_hides_an_item_until_it_is_written_again(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    put(state, &lease, product(1, "one")).await;
    put(state, &lease, product(2, "two")).await;
    let keys = [key(ItemKind::Product, 1), key(ItemKind::Product, 7)];
    let tombstoned = state.tombstone(&lease, &keys, noon()).await.unwrap();
    assert_eq!(tombstoned, [keys[0]]);
    assert_eq!(ids(state, &a, Section::Products).await, [2]);
    assert_eq!(state.counts(&a).await.unwrap()[&ItemKind::Product], 1);
    let again = state.tombstone(&lease, &keys, noon()).await.unwrap();
    assert!(again.is_empty());
    assert_eq!(
        put(state, &lease, product(1, "one")).await,
        (Change::Added, true)
    );
    assert_eq!(ids(state, &a, Section::Products).await, [1, 2]);
}

/// Unseen items are the live items of a kind that the scan has not written.
pub async fn unseen_items_of_a_scan_are_listed(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    let first: Vec<Item> = [1, 2, 3, 10].map(|id| product(id, "x")).into();
    state
        .upsert(&lease, &first, WriteMode::Scan(RunId(1)))
        .await
        .unwrap();
    let collection = item(key(ItemKind::Collection, 5), "{}");
    state
        .upsert(&lease, &[collection], WriteMode::Scan(RunId(1)))
        .await
        .unwrap();
    let unseen = state.unseen(&a, ItemKind::Product, RunId(1)).await.unwrap();
    assert!(unseen.is_empty());

    // An unchanged item counts as seen; one written outside the scan does not.
    state
        .upsert(&lease, &first[..1], WriteMode::Scan(RunId(2)))
        .await
        .unwrap();
    put(state, &lease, product(2, "y")).await;
    state
        .tombstone(&lease, &[first[2].key], noon())
        .await
        .unwrap();
    let unseen = state.unseen(&a, ItemKind::Product, RunId(2)).await.unwrap();
    assert_eq!(unseen, [first[1].key, first[3].key]);
}

/// Referrers depend on the current references; a tombstoned item has none.
pub async fn referrers_follow_the_latest_references(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    let stock = |id| key(ItemKind::InventoryItem, id);
    let with = |id, title: &str, references: &[ItemKey]| Item {
        references: references.to_vec(),
        ..product(id, title)
    };
    put(state, &lease, with(1, "one", &[stock(11), stock(12)])).await;
    put(state, &lease, with(2, "two", &[stock(12)])).await;
    let mut members = item(key(ItemKind::Collection, 5), "{}");
    members.references = vec![key(ItemKind::Product, 1), key(ItemKind::Product, 2)];
    put(state, &lease, members).await;

    let one = key(ItemKind::Product, 1);
    let two = key(ItemKind::Product, 2);
    let referrers = async |keys: &[ItemKey]| {
        let mut found = state.referrers(&a, keys).await.unwrap();
        found.sort();
        found
    };
    assert_eq!(referrers(&[stock(11)]).await, [one]);
    assert_eq!(
        referrers(&[stock(12), stock(11)]).await,
        [one, two],
        "each once"
    );
    assert_eq!(referrers(&[one]).await, [key(ItemKind::Collection, 5)]);
    assert!(referrers(&[stock(99)]).await.is_empty());
    assert!(referrers(&[]).await.is_empty());

    put(state, &lease, with(1, "uno", &[stock(13)])).await;
    assert!(referrers(&[stock(11)]).await.is_empty());
    assert_eq!(referrers(&[stock(13)]).await, [one]);
    state.tombstone(&lease, &[two], noon()).await.unwrap();
    assert!(referrers(&[stock(12)]).await.is_empty());
    let many: Vec<ItemKey> = (0..2_500).map(stock).collect();
    assert_eq!(referrers(&many).await, [one]);
}

/// A change increments the revision, a repeated write does not; the published revision is stored separately.
pub async fn only_changes_increment_the_revision(state: &dyn State) {
    let a = shop("a");
    assert_eq!(state.revision(&a).await.unwrap(), Revision::default());
    let lease = leased(state, &a).await;
    put(state, &lease, product(1, "one")).await;
    let first = state.revision(&a).await.unwrap();
    assert!(first.current > 0);
    assert_eq!(first.published, None);
    put(state, &lease, product(1, "one")).await;
    state
        .tombstone(&lease, &[key(ItemKind::Product, 7)], noon())
        .await
        .unwrap();
    assert_eq!(state.revision(&a).await.unwrap(), first);

    let hash = ContentHash([7; 32]);
    state
        .mark_published(&lease, first.current, hash, noon())
        .await
        .unwrap();
    let published = state.revision(&a).await.unwrap();
    assert_eq!(published.published, Some(first.current));
    let found = state.find(&a).await.unwrap().unwrap();
    assert_eq!(found.published, Some((noon(), first.current, hash)));

    state
        .tombstone(&lease, &[key(ItemKind::Product, 1)], noon())
        .await
        .unwrap();
    let moved = state.revision(&a).await.unwrap();
    assert!(moved.current > first.current);
    assert_eq!(moved.published, Some(first.current));
}

/// The same ids in two shops are different items.
pub async fn shops_do_not_see_each_other(state: &dyn State) {
    let (a, b) = (shop("a"), shop("b"));
    let lease_a = leased(state, &a).await;
    let lease_b = leased(state, &b).await;
    put(state, &lease_a, product(1, "one")).await;
    assert_eq!(
        put(state, &lease_b, product(1, "one")).await.0,
        Change::Added
    );
    state
        .tombstone(&lease_a, &[key(ItemKind::Product, 1)], noon())
        .await
        .unwrap();
    assert!(ids(state, &a, Section::Products).await.is_empty());
    assert_eq!(ids(state, &b, Section::Products).await, [1]);
}
