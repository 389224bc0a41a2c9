//! Tests [`sync_core::ports::Mirror`].

use sync_core::ports::{Change, Publication, PublicationState, WriteMode};
use sync_core::{
    Item, ItemId, ItemKey, ItemKind, Lease, RunId, Section, ShopDomain, Trigger, WorkRequest,
};

use super::{State, after, claim, install, noon};
use crate::sample::{item, key, product, publication, shop};

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

async fn revision(state: &dyn State, shop: &ShopDomain) -> u64 {
    let state = state.publication_state(shop, "single").await.unwrap();
    state.revision
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

/// A comparison returns the same results and needs no lease.
pub async fn a_comparison_writes_nothing(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    put(state, &lease, product(1, "one")).await;
    let before = revision(state, &a).await;
    let items = [product(1, "uno"), product(2, "two")];
    let compared = state.compare(&a, &items).await.unwrap();
    let changes: Vec<_> = compared.iter().map(|item| item.change).collect();
    assert_eq!(changes, [Change::Updated, Change::Added]);
    assert_eq!(ids(state, &a, Section::Products).await, [1]);
    assert_eq!(put(state, &lease, product(1, "one")).await.0, Change::None);
    assert_eq!(revision(state, &a).await, before);
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

/// A change increments the revision, a repeated write does not.
pub async fn only_changes_increment_the_revision(state: &dyn State) {
    let a = shop("a");
    let unknown = state.publication_state(&a, "single").await.unwrap();
    assert_eq!(unknown, PublicationState::default());
    let lease = leased(state, &a).await;
    put(state, &lease, product(1, "one")).await;
    let first = revision(state, &a).await;
    assert!(first > 0);
    put(state, &lease, product(1, "one")).await;
    state
        .tombstone(&lease, &[key(ItemKind::Product, 7)], noon())
        .await
        .unwrap();
    assert_eq!(revision(state, &a).await, first);
    state
        .tombstone(&lease, &[key(ItemKind::Product, 1)], noon())
        .await
        .unwrap();
    assert!(revision(state, &a).await > first);
}

/// Every change is found once, with its revision; what did not change since is not.
pub async fn changes_are_listed_by_revision(state: &dyn State) {
    let a = shop("a");
    let lease = leased(state, &a).await;
    let items: Vec<Item> = [2, 10, 9].map(|id| product(id, "x")).into();
    state
        .upsert(&lease, &items, WriteMode::Refresh)
        .await
        .unwrap();
    let first = revision(state, &a).await;
    assert_eq!(changes(state, &a, first).await, []);
    put(state, &lease, item(key(ItemKind::Collection, 5), "{}")).await;
    put(state, &lease, product(9, "x")).await;
    put(state, &lease, product(2, "new")).await;
    let before_deletion = revision(state, &a).await;
    state
        .tombstone(&lease, &[items[1].key], noon())
        .await
        .unwrap();
    let last = revision(state, &a).await;

    let collection = (key(ItemKind::Collection, 5), Some("{}".to_owned()));
    let renamed = (items[0].key, Some(product(2, "new").body));
    let deleted = (items[1].key, None);
    let unchanged = (items[2].key, Some(items[2].body.clone()));
    let since_first = [collection, renamed, deleted.clone()];
    assert_eq!(changes(state, &a, first).await, since_first);
    let all = [&[unchanged][..], &since_first[..]].concat();
    assert_eq!(changes(state, &a, 0).await, all);
    assert_eq!(changes(state, &a, before_deletion).await, [deleted]);
    assert_eq!(changes(state, &a, last).await, []);

    // A deleted item that returns with the same bytes has changed.
    put(state, &lease, items[1].clone()).await;
    let returned = (items[1].key, Some(items[1].body.clone()));
    assert_eq!(changes(state, &a, last).await, [returned]);
    assert_eq!(changes(state, &shop("b"), 0).await, []);
}

/// All changes since a revision, read in pages of two.
async fn changes(
    state: &dyn State,
    shop: &ShopDomain,
    since: u64,
) -> Vec<(ItemKey, Option<String>)> {
    let mut found = Vec::new();
    let mut last = None;
    loop {
        let page = state.changed_since(shop, since, last, 2).await.unwrap();
        let Some(change) = page.last() else {
            return found;
        };
        assert!(page.len() <= 2 && page.iter().all(|change| change.revision > since));
        last = Some((change.revision, change.key));
        let page = page.into_iter();
        found.extend(page.map(|change| (change.key, change.body)));
    }
}

/// Each layout has its own; the latest one is shown with the shop.
pub async fn the_last_publication_of_each_layout_is_kept(state: &dyn State) {
    let (a, b) = (shop("a"), shop("b"));
    let lease = leased(state, &a).await;
    leased(state, &b).await;
    put(state, &lease, product(1, "one")).await;
    let first = state.publication_state(&a, "single").await.unwrap();
    assert!(first.is_behind() && first.last.is_none());
    let older = Publication {
        version: None,
        ..publication(first.revision)
    };
    let other = Publication {
        layout: "other".to_owned(),
        ..publication(7)
    };
    let newer = publication(first.revision);
    for (publication, at) in [(&older, noon()), (&other, after(1)), (&newer, after(2))] {
        let recorded = state.record_publication(&lease, publication, at).await;
        recorded.unwrap();
    }
    let single = state.publication_state(&a, "single").await.unwrap();
    assert!(!single.is_behind());
    assert_eq!(single.last.as_ref(), Some(&newer));
    let others = state.publication_state(&a, "other").await.unwrap();
    assert_eq!(others.last, Some(other));
    let shown = Some((after(2), newer.generation, newer.hash));
    assert_eq!(state.find(&a).await.unwrap().unwrap().published, shown);
    let listed = state.list(None, 9).await.unwrap();
    assert_eq!(listed.len(), 2, "once, however many layouts");
    assert_eq!((listed[0].published, listed[1].published), (shown, None));

    put(state, &lease, product(1, "uno")).await;
    let behind = state.publication_state(&a, "single").await.unwrap();
    assert!(behind.is_behind());
    assert_eq!(behind.last, Some(newer));
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
