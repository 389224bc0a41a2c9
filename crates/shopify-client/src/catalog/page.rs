//! Requests a page so that one unreadable object does not fail the others.

use graphql_client::GraphQLQuery;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::SingleField;
use crate::model::Connection;
use crate::request::{Response, RetryBudget};
use crate::{Error, Gid, ShopClient};

/// An entry of a page: an object, or one whose JSON does not match the schema.
pub(super) type PageEntry<T> = Result<T, UnreadableObject>;

/// An object that cannot be deserialised.
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

/// The id of an object that cannot be deserialised.
#[derive(Deserialize)]
struct IdOnly {
    id: Gid,
}

impl ShopClient {
    /// Requests a page of objects. An object that cannot be deserialised becomes an [`UnreadableObject`] entry.
    pub(super) async fn request_page<Q, T>(
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
            // If an entry has no id, the error of the whole page is more useful than that of the entry.
            Err(page_error) => decode_each(&response).ok_or(page_error),
        }
    }
}

/// Deserialises each node by itself; `None` if a node has no global id, or if the response is not a page.
fn decode_each<T: DeserializeOwned>(response: &Response) -> Option<Connection<PageEntry<T>>> {
    let SingleField(page): SingleField<Connection<Box<RawValue>>> = response.read().ok()?;
    let entry = |node: &RawValue| match response.read_part(node) {
        Ok(object) => Some(Ok(object)),
        Err(error) => {
            let IdOnly { id } = response.read_part(node).ok()?;
            Some(Err(UnreadableObject { id, error }))
        }
    };
    let entries: Option<Vec<_>> = page.iter().map(|node| entry(node)).collect();
    Some(page.with_nodes(entries?))
}
