//! Pages of which one thing cannot be read.

use graphql_client::GraphQLQuery;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Only;
use crate::model::Connection;
use crate::request::{Response, RetryBudget};
use crate::{Error, Gid, ShopClient};

/// What stands in a place of a page: a thing, or one that does not have the shape that the schema promises.
pub(super) type Entry<T> = Result<T, Unread>;

/// A thing that cannot be read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) id: Gid,
    pub(crate) error: Error,
}

impl From<Unread> for Error {
    fn from(Unread { id, error }: Unread) -> Self {
        let source = Box::new(error);
        Self::Unreadable { id, source }
    }
}

/// What is left of a thing that cannot be read.
#[derive(Deserialize)]
struct Named {
    id: Gid,
}

impl ShopClient {
    /// Asks for a page of things. Those that cannot be read do not stand in the way of the others.
    pub(super) async fn ask_page<Q, T>(
        &self,
        variables: Q::Variables,
        patience: RetryBudget,
    ) -> Result<Connection<Entry<T>>, Error>
    where
        Q: GraphQLQuery,
        Q::Variables: Send + Sync,
        T: DeserializeOwned,
    {
        let answer = self.send_operation::<Q>(variables, patience).await?;
        match answer.read() {
            Ok(Only(page)) => Ok(Connection::map(page, Ok)),
            // It says more about the page than what is wrong with its parts.
            Err(whole) => one_by_one(&answer).ok_or(whole),
        }
    }
}

/// Reads each thing by itself; `None` if one of them has not even a name, or if it is not about things.
fn one_by_one<T: DeserializeOwned>(answer: &Response) -> Option<Connection<Entry<T>>> {
    let Only(page): Only<Connection<Box<RawValue>>> = answer.read().ok()?;
    let entry = |node: &RawValue| match answer.read_part(node) {
        Ok(thing) => Some(Ok(thing)),
        Err(error) => {
            let Named { id } = answer.read_part(node).ok()?;
            Some(Err(Unread { id, error }))
        }
    };
    let entries: Option<Vec<_>> = page.iter().map(|node| entry(node)).collect();
    Some(page.with_nodes(entries?))
}
