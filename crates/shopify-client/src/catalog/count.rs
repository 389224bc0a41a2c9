//! Reads the shop's own data, its granted scopes and its counts.

use serde::Deserialize;

use super::SingleField;
use super::product::ANY_STATUS;
use crate::model::{Count, Shop};
use crate::operations::{self, CollectionsCount, DiscountsCount, GrantedScopes, ProductsCount};
use crate::operations::{collections_count, discounts_count, granted_scopes, products_count, shop};
use crate::request::RetryBudget;
use crate::{Error, ShopClient};

#[derive(Deserialize)]
struct WireCount {
    count: u64,
    precision: String,
}

impl From<Option<WireCount>> for Count {
    fn from(wire: Option<WireCount>) -> Self {
        // A missing count is reported as "at least 0".
        wire.map_or_else(Self::default, |wire| Self {
            count: wire.count,
            exact: wire.precision == "EXACT",
        })
    }
}

#[derive(Deserialize)]
struct Scope {
    handle: String,
}

impl ShopClient {
    /// The shop's own data. This is also the cheapest request that tests whether the token works.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn shop(&self) -> Result<Shop, Error> {
        let response = self.request::<operations::Shop, _>(shop::Variables {}, RetryBudget::Full);
        let SingleField(shop) = response.await?;
        Ok(shop)
    }

    /// The access scopes that the merchant has granted to the app, as of now.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn granted_scopes(&self) -> Result<Vec<String>, Error> {
        let response =
            self.request::<GrantedScopes, _>(granted_scopes::Variables {}, RetryBudget::Full);
        let SingleField(SingleField(scopes)): SingleField<SingleField<Vec<Scope>>> =
            response.await?;
        Ok(scopes.into_iter().map(|scope| scope.handle).collect())
    }

    /// How many products there are, of all statuses.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn products_count(&self) -> Result<Count, Error> {
        let variables = products_count::Variables {
            query: Some(ANY_STATUS.to_owned()),
        };
        let response = self.request::<ProductsCount, _>(variables, RetryBudget::Full);
        let SingleField(count): SingleField<Option<WireCount>> = response.await?;
        Ok(count.into())
    }

    /// How many discounts there are, of all kinds.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn discounts_count(&self) -> Result<Count, Error> {
        let response =
            self.request::<DiscountsCount, _>(discounts_count::Variables {}, RetryBudget::Full);
        let SingleField(count): SingleField<Option<WireCount>> = response.await?;
        Ok(count.into())
    }

    /// How many collections there are.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn collections_count(&self) -> Result<Count, Error> {
        let variables = collections_count::Variables {};
        let response = self.request::<CollectionsCount, _>(variables, RetryBudget::Full);
        let SingleField(count): SingleField<Option<WireCount>> = response.await?;
        Ok(count.into())
    }
}
