//! Pages of which one thing cannot be read.

use graphql_client::GraphQLQuery;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::SingleField;
use crate::model::Connection;
use crate::request::{Response, RetryBudget};
use crate::{Error, Gid, ShopClient};

/// What stands in a place of a page: a thing, or one that does not have the shape that the schema promises.
pub(super) type PageEntry<T> = Result<T, UnreadableObject>;

/// A thing that cannot be read.
#[derive(Debug)]
pub(crate) struct UnreadableObject {
    pub(crate) id: Gid,
    pub(crate) error: Error,
}

impl From<UnreadableObject> for Error {
    fn from(UnreadableObject { id, error }: UnreadableObject) -> Self {
        let source = Box::new(error);
        Self::Unreadable { id, source }
    }
}

/// What is left of a thing that cannot be read.
#[derive(Deserialize)]
struct IdOnly {
    id: Gid,
}

impl ShopClient {
    /// Asks for a page of things. Those that cannot be read do not stand in the way of the others.
    pub(super) async fn ask_page<Q, T>(
        &self,
        variables: Q::Variables,
        retry_budget: RetryBudget,
    ) -> Result<Connection<PageEntry<T>>, Error>
    where
        Q: GraphQLQuery,
        Q::Variables: Send + Sync,
        T: DeserializeOwned,
    {
        let response = self.send_operation::<Q>(variables, retry_budget).await?;
        match response.read() {
            Ok(SingleField(page)) => Ok(Connection::map(page, Ok)),
            // It says more about the page than what is wrong with its parts.
            Err(whole) => decode_each(&response).ok_or(whole),
        }
    }
}

/// Reads each thing by itself; `None` if one of them has not even a name, or if it is not about things.
fn decode_each<T: DeserializeOwned>(response: &Response) -> Option<Connection<PageEntry<T>>> {
    let SingleField(page): SingleField<Connection<Box<RawValue>>> = response.read().ok()?;
    let entry = |node: &RawValue| match response.read_part(node) {
        Ok(thing) => Some(Ok(thing)),
        Err(error) => {
            let IdOnly { id } = response.read_part(node).ok()?;
            Some(Err(UnreadableObject { id, error }))
        }
    };
    let entries: Option<Vec<_>> = page.iter().map(|node| entry(node)).collect();
    Some(page.with_nodes(entries?))
}
