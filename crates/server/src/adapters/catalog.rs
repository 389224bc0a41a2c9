//! Implements the `CatalogSource` port: reads shops' catalogues from Shopify by bulk operations or by pages.

mod abandoned_bulk;
mod item;
mod subscriptions;

pub(crate) use subscriptions::{SubscriptionDefect, subscription_defects};

use std::collections::BTreeMap;

use async_stream::try_stream;
use async_trait::async_trait;
use futures::stream::{BoxStream, Stream, StreamExt};
use shopify_client::bulk::Strategy;
use shopify_client::{Error, ShopClient};
use sync_core::ports::{CatalogSource, Count, FetchResult, ScanItem, SubscriptionAudit};
use sync_core::{Item, ItemId, ItemKey, ItemKind, PortError, ShopDomain};

use super::convert::to_client_domain;
use super::{ShopTokens, ShopifyApp, shopify_error};

/// The catalogues of all shops.
#[derive(Debug, Clone)]
pub struct ShopifyCatalog {
    app: ShopifyApp,
    tokens: ShopTokens,
    webhook_address: String,
    strategy: Strategy,
}

impl ShopifyCatalog {
    /// Reads with these tokens and subscribes webhooks to `webhook_address`. Scans choose between bulk operations and pages
    /// automatically.
    pub fn new(app: ShopifyApp, tokens: ShopTokens, webhook_address: impl Into<String>) -> Self {
        Self {
            app,
            tokens,
            webhook_address: webhook_address.into(),
            strategy: Strategy::Auto,
        }
    }

    /// Sets how scans read the catalogue.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    fn client(&self, shop: &ShopDomain) -> ShopClient {
        self.app
            .client()
            .shop(&to_client_domain(shop), self.tokens.for_shop(shop))
    }
}

#[async_trait]
impl CatalogSource for ShopifyCatalog {
    fn scan<'a>(
        &'a self,
        shop: &'a ShopDomain,
        kind: ItemKind,
    ) -> BoxStream<'a, Result<ScanItem, PortError>> {
        let (client, strategy) = (self.client(shop), self.strategy);
        // The client's streams borrow the client, so each runs inside a stream that owns it.
        macro_rules! items {
            ($read:ident, $item:path) => {
                try_stream! {
                    let mut read = client.$read(strategy);
                    while let Some(read) = next(kind, &mut read).await? {
                        yield to_scan_item(read, $item)?;
                    }
                }
                .boxed()
            };
        }
        match kind {
            ItemKind::Shop => try_stream! {
                let shop = client.shop().await;
                let shop = item::shop(&shop.map_err(|error| read_error(kind, error))?)?;
                yield ScanItem::Found(Box::new(shop));
            }
            .boxed(),
            ItemKind::Location => items!(locations_by, item::location),
            ItemKind::Product => items!(products_by, item::product),
            ItemKind::Collection => items!(collections_by, item::collection),
            ItemKind::Discount => items!(discounts_by, item::discount),
            // Inventory items are not scanned: products contain them.
            ItemKind::InventoryItem => futures::stream::empty().boxed(),
        }
    }

    async fn count(&self, shop: &ShopDomain, kind: ItemKind) -> Result<Option<Count>, PortError> {
        let client = self.client(shop);
        let counted = match kind {
            ItemKind::Product => client.products_count().await,
            ItemKind::Collection => client.collections_count().await,
            ItemKind::Discount => client.discounts_count().await,
            ItemKind::Shop | ItemKind::Location | ItemKind::InventoryItem => return Ok(None),
        };
        let counted = counted.map_err(|error| shopify_error("count what the shop has", error))?;
        Ok(Some(Count {
            count: counted.count,
            exact: counted.exact,
        }))
    }

    async fn fetch(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<FetchResult>, PortError> {
        let client = self.client(shop);
        let mut by_kind = BTreeMap::<ItemKind, Vec<u64>>::new();
        for key in keys {
            let ids = by_kind.entry(key.kind).or_default();
            ids.push(key.id.as_u64());
        }
        let mut fetched = Vec::with_capacity(keys.len());
        for (kind, ids) in by_kind {
            let failed = |error| read_error(kind, error);
            match kind {
                ItemKind::Shop => {
                    let shop = client.shop().await.map_err(failed)?;
                    fetched.push(FetchResult::Found(Box::new(item::shop(&shop)?)));
                }
                ItemKind::Location => {
                    let found = client.locations_by_id(&ids).await.map_err(failed)?;
                    pair_with_ids(kind, &ids, &found, item::location, &mut fetched)?;
                }
                ItemKind::Product => {
                    let found = client.products_by_id(&ids).await.map_err(failed)?;
                    pair_with_ids(kind, &ids, &found, item::product, &mut fetched)?;
                }
                ItemKind::Collection => {
                    let found = client.collections_by_id(&ids).await.map_err(failed)?;
                    pair_with_ids(kind, &ids, &found, item::collection, &mut fetched)?;
                }
                ItemKind::Discount => {
                    let found = client.discounts_by_id(&ids).await.map_err(failed)?;
                    pair_with_ids(kind, &ids, &found, item::discount, &mut fetched)?;
                }
                // The port excludes inventory items.
                ItemKind::InventoryItem => {}
            }
        }
        Ok(fetched)
    }

    async fn owners(
        &self,
        shop: &ShopDomain,
        inventory_items: &[ItemId],
    ) -> Result<Vec<ItemKey>, PortError> {
        let ids: Vec<u64> = inventory_items.iter().map(|id| id.as_u64()).collect();
        let owners = self.client(shop).products_of_inventory_items(&ids).await;
        let owners = owners.map_err(|error| shopify_error("find the products of stock", error))?;
        owners
            .into_iter()
            .map(|number| item::key(ItemKind::Product, number))
            .collect()
    }

    async fn audit_subscriptions(&self, shop: &ShopDomain) -> Result<SubscriptionAudit, PortError> {
        subscriptions::audit(&self.client(shop), &self.webhook_address).await
    }

    async fn end_interrupted_scans(&self, shop: &ShopDomain) -> Result<u64, PortError> {
        // Paging leaves no operations behind. Without an address, this deployment's operations cannot be recognised.
        if self.strategy == Strategy::Paging || self.webhook_address.is_empty() {
            return Ok(0);
        }
        abandoned_bulk::cancel_abandoned(&self.client(shop)).await
    }

    async fn probe(&self, shop: &ShopDomain) -> Result<(), PortError> {
        let read = self.client(shop).shop().await;
        read.map_err(|error| read_error(ItemKind::Shop, error))?;
        Ok(())
    }
}

/// The next object of a scan, or the key of one that cannot be read.
async fn next<T>(
    kind: ItemKind,
    read: &mut (impl Stream<Item = Result<T, Error>> + Unpin),
) -> Result<Option<Result<T, ScanItem>>, PortError> {
    match read.next().await.transpose() {
        Ok(read) => Ok(read.map(Ok)),
        Err(Error::Unreadable { id, source }) => {
            let key = item::key(kind, id.number())?;
            let unreadable = ScanItem::Unreadable(key, read_error(kind, *source));
            Ok(Some(Err(unreadable)))
        }
        Err(error) => Err(read_error(kind, error)),
    }
}

fn to_scan_item<T>(
    read: Result<T, ScanItem>,
    item: impl Fn(&T) -> Result<Item, PortError>,
) -> Result<ScanItem, PortError> {
    match read {
        Ok(read) => Ok(ScanItem::Found(Box::new(item(&read)?))),
        Err(unreadable) => Ok(unreadable),
    }
}

fn read_error(kind: ItemKind, error: Error) -> PortError {
    let operation = match kind {
        ItemKind::Shop => "read the shop",
        ItemKind::Location => "read the locations",
        ItemKind::Product => "read the products",
        ItemKind::Collection => "read the collections",
        ItemKind::Discount => "read the discounts",
        ItemKind::InventoryItem => "read the stock",
    };
    shopify_error(operation, error)
}

/// Pairs the requested ids with the objects found, which are in the same order; `None` means deleted.
fn pair_with_ids<T>(
    kind: ItemKind,
    ids: &[u64],
    found: &[Option<T>],
    item: impl Fn(&T) -> Result<Item, PortError>,
    fetched: &mut Vec<FetchResult>,
) -> Result<(), PortError> {
    if ids.len() != found.len() {
        let why = format!(
            "{} ids were requested and {} entries returned",
            ids.len(),
            found.len()
        );
        return Err(PortError::fail("pair the items with their ids", why));
    }
    for (id, found) in ids.iter().zip(found) {
        fetched.push(match found {
            Some(found) => FetchResult::Found(Box::new(item(found)?)),
            None => FetchResult::Deleted(item::key(kind, *id)?),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use shopify_client::Gid;
    use sync_core::Disposition;

    use super::*;

    #[tokio::test]
    async fn an_unreadable_object_is_named_and_any_other_error_ends_the_scan() {
        let source = Box::new(Error::Decode {
            operation: "ProductsPage",
            path: "title".to_owned(),
            source: "odd".into(),
        });
        let id = Gid::new("Product", 7);
        let responses: Vec<Result<u8, Error>> = vec![
            Ok(1),
            Err(Error::Unreadable { id, source }),
            Ok(2),
            Err(Error::ShopLocked),
        ];
        let mut read = stream::iter(responses);
        let kind = ItemKind::Product;
        assert!(matches!(next(kind, &mut read).await, Ok(Some(Ok(1)))));
        let Ok(Some(Err(ScanItem::Unreadable(key, error)))) = next(kind, &mut read).await else {
            panic!("the object was not named");
        };
        assert_eq!(key.to_string(), "product/7");
        assert_eq!(error.disposition, Disposition::Fail);
        assert_eq!(
            error.chain(),
            "could not read the products: the response to `ProductsPage` is invalid at `title`: odd"
        );
        assert!(matches!(next(kind, &mut read).await, Ok(Some(Ok(2)))));
        let Err(error) = next(kind, &mut read).await else {
            panic!("the shop is locked");
        };
        assert!(matches!(
            error.disposition,
            Disposition::ShopUnavailable { .. }
        ));
        assert!(matches!(next(kind, &mut read).await, Ok(None)));
    }

    #[tokio::test]
    async fn an_id_outside_the_database_range_ends_the_scan() {
        let source = Box::new(Error::ShopLocked);
        let id = Gid::new("Product", u64::MAX);
        let unreadable = Error::Unreadable { id, source };
        let mut read = stream::iter([Err::<u8, _>(unreadable)]);
        assert!(next(ItemKind::Product, &mut read).await.is_err());
    }
}
