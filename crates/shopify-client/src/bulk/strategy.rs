//! The choice between bulk operations and paging.

use std::sync::{Mutex, PoisonError};

use async_stream::try_stream;
use futures::future::try_join_all;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};

use super::decoding::Things;
use super::shape::Shape;
use super::{Bulk, BulkOperation};
use crate::model::{Collection, Discount, Location, Product};
use crate::{Error, Gid, ShopClient};

/// How to read everything of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// By a bulk operation if there is much, paging would take long, and bulk operations can be had; by paging
    /// otherwise.
    #[default]
    Auto,
    /// Page by page.
    Paging,
    /// By a bulk operation, or by paging if none can be had.
    Bulk,
    /// By a bulk operation, or not at all.
    BulkOnly,
}

impl ShopClient {
    /// All products, as [`ShopClient::products`] gives them, read in one way or the other.
    ///
    /// When a bulk operation fails before anything was given out, paging takes over; after that its error ends the
    /// stream. As by pages, a product that cannot be read is [`Error::Unreadable`], after which the stream goes on.
    pub fn products_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Product, Error>> {
        let count = async { self.products_count().await.map(|count| count.count) };
        self.read_by(strategy, count, self.products())
    }

    /// All collections, as [`ShopClient::collections`] gives them; see [`ShopClient::products_by`].
    pub fn collections_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Collection, Error>> {
        let count = async { self.collections_count().await.map(|count| count.count) };
        self.read_by(strategy, count, self.collections())
    }

    /// All discounts, as [`ShopClient::discounts`] gives them; see [`ShopClient::products_by`].
    pub fn discounts_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Discount, Error>> {
        let count = async { self.discounts_count().await.map(|count| count.count) };
        self.read_by(strategy, count, self.discounts())
    }

    /// All locations, as [`ShopClient::locations`] gives them; see [`ShopClient::products_by`]. There are never enough
    /// of them for a bulk operation to be chosen by itself.
    pub fn locations_by(&self, strategy: Strategy) -> BoxStream<'_, Result<Location, Error>> {
        self.read_by(strategy, async { Ok(0) }, self.locations())
    }

    fn read_by<'s, T: Shape>(
        &'s self,
        strategy: Strategy,
        count: impl Future<Output = Result<u64, Error>> + Send + 's,
        pages: BoxStream<'s, Result<T, Error>>,
    ) -> BoxStream<'s, Result<T, Error>> {
        let things = try_stream! {
            let mut paging = match strategy {
                Strategy::Paging => true,
                Strategy::Bulk | Strategy::BulkOnly => false,
                Strategy::Auto => !self.is_much::<T>(count.await?),
            };
            if !paging {
                let (mut given, only) = (false, strategy == Strategy::BulkOnly);
                let mut batches = std::pin::pin!(self.bulk().all::<T>());
                while let Some(batch) = batches.next().await {
                    let batch = batch.and_then(|things| readable(things, given || only));
                    match batch {
                        Ok(things) => {
                            for thing in things {
                                given = true;
                                yield thing.map_err(Error::from);
                            }
                        }
                        Err(error) => {
                            paging = !given && !only && pages_may_answer(&error);
                            if paging {
                                log::warn!(shop:% = self.shop; "{error}; reading by pages instead");
                                break;
                            }
                            Err(error)?;
                        }
                    }
                }
            }
            if paging {
                let mut pages = pages;
                while let Some(thing) = pages.next().await {
                    match thing {
                        Err(error @ Error::Unreadable { .. }) => yield Err(error),
                        thing => yield Ok(thing?),
                    }
                }
            }
        };
        // The inner errors are about one thing each, and are no reason to stop.
        Box::pin(things.map(Result::flatten))
    }

    /// Whether there is so much that a bulk operation is quicker.
    fn is_much<T: Shape>(&self, count: u64) -> bool {
        let options = &self.client.inner.bulk;
        let paging = self.estimated_paging_time(T::PAGED_LIST, count);
        let much = count >= options.bulk_threshold && paging > options.max_paging_time;
        let (shop, what) = (&self.shop, T::LAYOUT.root.name());
        log::debug!(shop:% = shop, what, count, paging:?, much; "chosen between pages and bulk");
        much
    }
}

/// If not even the first can be read, all may be written otherwise than in pages.
fn readable<T>(things: Things<T>, whatever: bool) -> Result<Things<T>, Error> {
    if whatever || things.first().is_none_or(Result::is_ok) {
        return Ok(things);
    }
    let first = things.into_iter().next().and_then(Result::err);
    first.map_or(Ok(Vec::new()), |unreadable| Err(unreadable.into()))
}

/// Whether it is the bulk operation that failed, not the shop.
fn pages_may_answer(error: &Error) -> bool {
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
    /// Runs all queries of a kind at the same time and gives what they bring.
    fn all<T: Shape>(&self) -> impl Stream<Item = Result<Things<T>, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let operations = bulk.run_all::<T>().await?;
            let mut batches = bulk.of::<T>(operations);
            while let Some(things) = batches.next().await {
                yield things?;
            }
        }
    }

    /// What operations with all of the queries of a kind have brought, in the order of the queries.
    fn of<T: Shape>(
        &self,
        mut operations: Vec<BulkOperation>,
    ) -> BoxStream<'static, Result<Things<T>, Error>> {
        if self.is_grouped::<T>()
            && let Some(operation) = operations.pop()
        {
            return Box::pin(self.as_it_arrives(operation));
        }
        Box::pin(self.in_any_order(operations))
    }

    fn is_grouped<T: Shape>(&self) -> bool {
        self.options.grouped && T::QUERIES.len() == 1
    }

    /// The products in the file of an operation that has completed, however its lines are ordered (unless
    /// [`BulkOptions::grouped`](super::BulkOptions::grouped) says how).
    ///
    /// Its query has to select what [`Product`] holds, each object's `id` among it: [`Bulk::products_query`] does.
    pub fn read_products(
        &self,
        operation: BulkOperation,
    ) -> BoxStream<'static, Result<Product, Error>> {
        let batches = self.of(vec![operation]);
        let products = batches.map_ok(|things| {
            let products = things.into_iter().map(|thing| thing.map_err(Error::from));
            futures::stream::iter(products)
        });
        Box::pin(products.try_flatten())
    }

    /// The query that [`ShopClient::products_by`] runs.
    pub fn products_query(&self) -> String {
        Product::QUERIES[0].text(self.shop.metafield_namespace().as_deref())
    }

    async fn run_all<T: Shape>(&self) -> Result<Vec<BulkOperation>, Error> {
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
                // Those that are left are of no use alone.
                if T::QUERIES.len() > 1 {
                    for id in ids {
                        self.give_up(&id).await;
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
