//! Looks up objects by id.

use futures::StreamExt;
use futures::stream;
use serde::de::DeserializeOwned;

use super::{CatalogObject, MAX_CONCURRENT, SingleField};
use crate::model::{Collection, Discount, Location, Product};
use crate::{Error, Gid, ShopClient};

impl ShopClient {
    /// The products with these id numbers, in the same order, each as complete as in [`ShopClient::products`]. `None`
    /// stands for a product that does not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn products_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Product>>, Error> {
        self.by_id(ids).await
    }

    /// The collections with these id numbers; see [`ShopClient::products_by_id`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn collections_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Collection>>, Error> {
        self.by_id(ids).await
    }

    /// The code and automatic discounts with these id numbers; see [`ShopClient::products_by_id`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn discounts_by_id(&self, ids: &[u64]) -> Result<Vec<Option<Discount>>, Error> {
        self.by_id(ids).await
    }

    /// The locations with these id numbers; see [`ShopClient::products_by_id`].
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
            let completed = batch.into_iter().map(|item| async {
                match item {
                    Some(item) => self.complete_object(item).await,
                    None => Ok(None),
                }
            });
            let completed: Vec<_> = completed.collect();
            let mut completed = stream::iter(completed).buffered(MAX_CONCURRENT);
            while let Some(item) = completed.next().await {
                found.push(item?);
            }
        }
        Ok(found)
    }

    /// Looks up as many of the first numbers as one query may request, with the first pages of their nested lists.
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
            return Err(invalid_nodes(
                T::BATCHES.operation,
                "a node has another id than the requested one",
            ));
        }
        Ok(found)
    }
}

/// Checks that the response to `nodes(ids:)` has one node for each id.
pub(super) fn nodes_in_order<T: DeserializeOwned>(
    operation: &'static str,
    SingleField(nodes): SingleField<Vec<Option<T>>>,
    expected: usize,
) -> Result<Vec<Option<T>>, Error> {
    if nodes.len() == expected {
        Ok(nodes)
    } else {
        Err(invalid_nodes(
            operation,
            "the number of nodes differs from the number of ids",
        ))
    }
}

fn invalid_nodes(operation: &'static str, what: &'static str) -> Error {
    Error::Decode {
        operation,
        path: "nodes".to_owned(),
        source: what.into(),
    }
}

/// Global ids of one type from their numbers.
pub(super) fn gids(kind: &str, numbers: &[u64]) -> Vec<String> {
    let gid = |number: &u64| Gid::new(kind, *number).into();
    numbers.iter().map(gid).collect()
}
