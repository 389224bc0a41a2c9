use futures::StreamExt;
use futures::stream;
use serde::de::DeserializeOwned;

use super::{CatalogObject, MAX_CONCURRENT, SingleField};
use crate::model::{Collection, Discount, Location, Product};
use crate::{Error, Gid, ShopClient};

impl ShopClient {
    /// The products of these numbers, in the order asked, each as complete as in [`ShopClient::products`]. `None`: there
    /// is no such product.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn products_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Product>>, Error> {
        self.by_id(ids).await
    }

    /// The collections of these numbers; see [`ShopClient::products_by_id`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn collections_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Collection>>, Error> {
        self.by_id(ids).await
    }

    /// The discounts of these numbers, with codes or without; see [`ShopClient::products_by_id`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn discounts_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Discount>>, Error> {
        self.by_id(ids).await
    }

    /// The locations of these numbers; see [`ShopClient::products_by_id`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn locations_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Location>>, Error> {
        self.by_id(ids).await
    }

    async fn by_id<T: CatalogObject>(&self, numbers: &[u64]) -> Result<Vec<Option<T>>, Error> {
        let mut found = Vec::with_capacity(numbers.len());
        while found.len() < numbers.len() {
            let batch = self.batch::<T>(&numbers[found.len()..]).await?;
            let whole = batch.into_iter().map(|item| async {
                match item {
                    Some(item) => self.complete_object(item).await,
                    None => Ok(None),
                }
            });
            let whole: Vec<_> = whole.collect();
            let mut whole = stream::iter(whole).buffered(MAX_CONCURRENT);
            while let Some(item) = whole.next().await {
                found.push(item?);
            }
        }
        Ok(found)
    }

    /// The first of these numbers, as many as one query may ask for, with the first pages of their lists.
    pub(super) async fn batch<T: CatalogObject>(
        &self,
        numbers: &[u64],
    ) -> Result<Vec<Option<T>>, Error> {
        let found = self.with_page_size(T::BATCHES, |size| {
            let fits = usize::try_from(size.first())
                .unwrap_or(1)
                .min(numbers.len());
            T::batch(self, size, &numbers[..fits])
        });
        let found = found.await?;
        let named = |(item, number): (&Option<T>, &u64)| {
            item.as_ref().is_none_or(|item| item.number() == *number)
        };
        if !found.iter().zip(numbers).all(named) {
            return Err(misplaced(
                T::BATCHES.operation,
                "an response is about something else",
            ));
        }
        Ok(found)
    }
}

/// Reads the answer to `nodes(ids:)`: one for each id, in their order.
pub(super) fn nodes_in_order<T: DeserializeOwned>(
    operation: &'static str,
    SingleField(nodes): SingleField<Vec<Option<T>>>,
    asked: usize,
) -> Result<Vec<Option<T>>, Error> {
    if nodes.len() == asked {
        Ok(nodes)
    } else {
        Err(misplaced(
            operation,
            "there is not one response for each id",
        ))
    }
}

fn misplaced(operation: &'static str, what: &'static str) -> Error {
    Error::Decode {
        operation,
        path: "nodes".to_owned(),
        source: what.into(),
    }
}

/// The global ids of numbers.
pub(super) fn gids(kind: &str, numbers: &[u64]) -> Vec<String> {
    let gid = |number: &u64| Gid::new(kind, *number).into();
    numbers.iter().map(gid).collect()
}
