//! Chooses between bulk operations and paging.

use std::sync::{Mutex, PoisonError};

use async_stream::try_stream;
use futures::future::try_join_all;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};

use super::assemble::BulkObject;
use super::decode_pool::Objects;
use super::{Bulk, BulkOperation};
use crate::model::{Collection, Discount, Location, Product};
use crate::{Error, Gid, ShopClient};

/// How to read all objects of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// With a bulk operation if there are many objects, paging would take long and bulk operations are available;
    /// otherwise with paging. See [`BulkOptions::bulk_threshold`](super::BulkOptions::bulk_threshold) and
    /// [`BulkOptions::max_paging_time`](super::BulkOptions::max_paging_time).
    #[default]
    Auto,
    /// With paging.
    Paging,
    /// With a bulk operation, or with paging if it fails before the first object.
    Bulk,
}

impl ShopClient {
    /// All products, as [`ShopClient::products`] returns them, read with the given strategy.
    ///
    /// If a bulk operation fails before the first product, the stream falls back to paging. A later error ends the
    /// stream. A product that cannot be deserialised is [`Error::Unreadable`], after which the stream continues, as
    /// with paging.
    pub fn products_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Product, Error>> {
        let count = async { self.products_count().await.map(|count| count.count) };
        self.read_by(strategy, count, self.products())
    }

    /// All collections, as [`ShopClient::collections`] returns them; see [`ShopClient::products_by`].
    pub fn collections_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Collection, Error>> {
        let count = async { self.collections_count().await.map(|count| count.count) };
        self.read_by(strategy, count, self.collections())
    }

    /// All discounts, as [`ShopClient::discounts`] returns them; see [`ShopClient::products_by`].
    pub fn discounts_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Discount, Error>> {
        let count = async { self.discounts_count().await.map(|count| count.count) };
        self.read_by(strategy, count, self.discounts())
    }

    /// All locations, as [`ShopClient::locations`] returns them; see [`ShopClient::products_by`]. A shop has too few of
    /// them for [`Strategy::Auto`] to choose a bulk operation.
    pub fn locations_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Location, Error>> {
        self.read_by(strategy, async { Ok(0) }, self.locations())
    }

    fn read_by<'s, T: BulkObject>(
        &'s self,
        strategy: Strategy,
        count: impl Future<Output = Result<u64, Error>> + Send + 's,
        pages: BoxStream<'s, Result<T, Error>>,
    ) -> BoxStream<'s, Result<T, Error>> {
        let objects = try_stream! {
            let mut paging = match strategy {
                Strategy::Paging => true,
                Strategy::Bulk => false,
                Strategy::Auto => !self.prefers_bulk::<T>(count.await?),
            };
            if !paging {
                let mut yielded = false;
                let mut batches = std::pin::pin!(self.bulk().read_all::<T>());
                while let Some(batch) = batches.next().await {
                    let batch = batch.and_then(|objects| check_first(objects, yielded));
                    match batch {
                        Ok(objects) => {
                            for object in objects {
                                yielded = true;
                                yield object.map_err(Error::from);
                            }
                        }
                        Err(error) => {
                            paging = !yielded && paging_may_succeed(&error);
                            if paging {
                                log::warn!(shop:% = self.shop; "A bulk operation failed: {error}; falling back to paging");
                                break;
                            }
                            Err(error)?;
                        }
                    }
                }
            }
            if paging {
                let mut pages = pages;
                while let Some(object) = pages.next().await {
                    match object {
                        Err(error @ Error::Unreadable { .. }) => yield Err(error),
                        object => yield Ok(object?),
                    }
                }
            }
        };
        // An inner error concerns one object and does not end the stream.
        Box::pin(objects.map(Result::flatten))
    }

    /// Whether there are so many objects that a bulk operation is quicker.
    fn prefers_bulk<T: BulkObject>(&self, count: u64) -> bool {
        let options = &self.client.inner.bulk;
        let paging = self.estimated_paging_time(T::PAGED_LIST, count);
        let prefers_bulk = count >= options.bulk_threshold && paging > options.max_paging_time;
        let (shop, what) = (&self.shop, T::LAYOUT.root.name());
        log::debug!(shop:% = shop, what, count, paging:?, prefers_bulk; "chosen between pages and bulk");
        prefers_bulk
    }
}

/// Returns the first object's error as that of the batch: if not even the first object can be read, the file's format
/// may differ from that of pages.
fn check_first<T>(objects: Objects<T>, keep_errors: bool) -> Result<Objects<T>, Error> {
    if keep_errors || objects.first().is_none_or(Result::is_ok) {
        return Ok(objects);
    }
    let first = objects.into_iter().next().and_then(Result::err);
    first.map_or(Ok(Vec::new()), |unreadable| Err(unreadable.into()))
}

/// Whether the bulk operation failed, not the shop, so that paging may succeed.
fn paging_may_succeed(error: &Error) -> bool {
    matches!(
        error,
        Error::Bulk(_)
            | Error::GraphQl { .. }
            | Error::UserErrors { .. }
            | Error::Decode { .. }
            | Error::Unreadable { .. }
    )
}

impl Bulk {
    /// Runs all queries of a kind at the same time and reads their results.
    fn read_all<T: BulkObject>(
        &self,
    ) -> impl Stream<Item = Result<Objects<T>, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let operations = bulk.run_all::<T>().await?;
            let mut batches = bulk.read_results::<T>(operations);
            while let Some(objects) = batches.next().await {
                yield objects?;
            }
        }
    }

    /// Reads the results of the operations with all queries of a kind, in the order of the queries.
    fn read_results<T: BulkObject>(
        &self,
        mut operations: Vec<BulkOperation>,
    ) -> BoxStream<'static, Result<Objects<T>, Error>> {
        if self.is_grouped::<T>()
            && let Some(operation) = operations.pop()
        {
            return Box::pin(self.read_grouped(operation));
        }
        Box::pin(self.read_unordered(operations))
    }

    fn is_grouped<T: BulkObject>(&self) -> bool {
        self.options.grouped && T::QUERIES.len() == 1
    }

    /// Reads the products in the result of a completed operation. The lines may be in any order, unless
    /// [`BulkOptions::grouped`](super::BulkOptions::grouped) is set.
    ///
    /// The query must select the fields of [`Product`], including the `id` of each object, as
    /// [`Bulk::products_query`] does.
    pub fn read_products(
        &self,
        operation: BulkOperation,
    ) -> BoxStream<'static, Result<Product, Error>> {
        let batches = self.read_results(vec![operation]);
        let products = batches.map_ok(|objects| {
            let products = objects
                .into_iter()
                .map(|object| object.map_err(Error::from));
            futures::stream::iter(products)
        });
        Box::pin(products.try_flatten())
    }

    /// The query that [`ShopClient::products_by`] runs.
    pub fn products_query(&self) -> String {
        Product::QUERIES[0].text(self.shop.metafield_namespace().as_deref())
    }

    async fn run_all<T: BulkObject>(&self) -> Result<Vec<BulkOperation>, Error> {
        let namespace = self.shop.metafield_namespace();
        let started = Mutex::new(Vec::new());
        let runs = T::QUERIES.iter().map(|query| {
            let (started, query) = (&started, query.text(namespace.as_deref()));
            async move {
                let running = self.start(&query).await?;
                remember(started, &running.id);
                self.watch(running).await
            }
        });
        match try_join_all(runs).await {
            Ok(operations) => Ok(operations),
            Err(error) => {
                let ids = started.into_inner().unwrap_or_else(PoisonError::into_inner);
                // The remaining operations are useless without the failed one.
                if T::QUERIES.len() > 1 {
                    for id in ids {
                        self.abandon(&id).await;
                    }
                }
                Err(error)
            }
        }
    }
}

fn remember(started: &Mutex<Vec<Gid>>, id: &Gid) {
    let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
    started.push(id.clone());
}
