use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;

use super::download::download;
use super::{Bulk, BulkError, BulkOperation};
use crate::model::Connection;
use crate::operations::{
    BulkOperationById, BulkOperationCancel, BulkOperationRun, BulkOperationsPage,
    bulk_operation_by_id, bulk_operation_cancel, bulk_operation_run, bulk_operations_page,
};
use crate::request::RetryBudget;
use crate::{Error, Gid, UserError};

/// Operations that have not ended. Of which kind they are, their markers tell.
const IN_PROGRESS: &str = "status:created OR status:running OR status:canceling";

#[derive(Deserialize)]
struct BulkUserError {
    #[serde(default)]
    code: Option<String>,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MutationPayload<E> {
    bulk_operation: Option<BulkOperation>,
    user_errors: Vec<E>,
}

/// The answer of an operation with one field, by whatever name.
#[derive(Deserialize)]
struct RootField<T> {
    #[serde(
        alias = "bulkOperation",
        alias = "bulkOperations",
        alias = "bulkOperationRunQuery",
        alias = "bulkOperationCancel"
    )]
    value: T,
}

/// What to do when an operation could not be started.
pub(super) enum StartFailure {
    /// Too many run.
    Busy,
    /// It is not known whether it was started.
    Unknown(Error),
}

impl Bulk {
    pub(super) async fn try_start(
        &self,
        text: &str,
    ) -> Result<Result<BulkOperation, StartFailure>, Error> {
        let variables = bulk_operation_run::Variables {
            query: text.to_owned(),
            grouped: self.options.grouped,
        };
        let response = self
            .shop
            .request::<BulkOperationRun, _>(variables, RetryBudget::Full);
        let started: MutationPayload<BulkUserError> = match response.await {
            Ok(RootField { value }) => value,
            Err(Error::AccessDenied { message }) => {
                return Err(BulkError::Unavailable { message }.into());
            }
            Err(error @ (Error::Transport { .. } | Error::Status { .. })) => {
                return Ok(Err(StartFailure::Unknown(error)));
            }
            Err(error) => return Err(error),
        };
        let code = |error: &BulkUserError| error.code.clone().unwrap_or_default();
        let codes: Vec<String> = started.user_errors.iter().map(code).collect();
        let busy = ["LIMIT_REACHED", "OPERATION_IN_PROGRESS"];
        if codes.iter().any(|code| busy.contains(&code.as_str())) {
            return Ok(Err(StartFailure::Busy));
        }
        if let Some(BulkUserError { code, message }) = started.user_errors.into_iter().next() {
            return Err(match code.as_deref() {
                Some("ACCESS_DENIED") => BulkError::Unavailable { message },
                _ => BulkError::Rejected { message },
            }
            .into());
        }
        let empty_payload =
            || empty_payload("BulkOperationRun", "bulkOperationRunQuery.bulkOperation");
        started.bulk_operation.ok_or_else(empty_payload).map(Ok)
    }

    /// An operation as it is now.
    ///
    /// # Errors
    /// [`BulkError::NotFound`] if there is no such operation.
    pub async fn operation(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let variables = bulk_operation_by_id::Variables { id: id.to_string() };
        let response = self
            .shop
            .request::<BulkOperationById, _>(variables, RetryBudget::Full);
        let RootField::<Option<BulkOperation>> { value } = response.await?;
        value.ok_or_else(|| BulkError::NotFound { id: id.clone() }.into())
    }

    /// Our own operations that have not ended, newest first: those with our marker, also from another process.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn own_operations(&self) -> Result<Vec<BulkOperation>, Error> {
        let all = self.list(Some(IN_PROGRESS)).await?;
        let own = |operation: &BulkOperation| self.is_own(operation);
        Ok(all.into_iter().filter(own).collect())
    }

    /// The newest operations of the app.
    pub(super) async fn list(&self, filter: Option<&str>) -> Result<Vec<BulkOperation>, Error> {
        let variables = bulk_operations_page::Variables {
            // Ten run at most, queries and mutations together; the rest is history.
            first: 50,
            after: None,
            query: filter.map(str::to_owned),
        };
        let response = self
            .shop
            .request::<BulkOperationsPage, _>(variables, RetryBudget::Full);
        let RootField::<Connection<BulkOperation>> { value } = response.await?;
        Ok(value.into_nodes())
    }

    fn is_own(&self, operation: &BulkOperation) -> bool {
        self.marker.is_in(&operation.query)
    }

    /// Cancels one of our own operations, and returns it as it is then: it takes a moment until it has ended. One that
    /// has ended already stays as it is.
    ///
    /// # Errors
    /// [`BulkError::NotOwned`] if it is not ours: it is not touched. [`Error::UserErrors`] if Shopify refuses.
    pub async fn cancel(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let operation = self.operation(id).await?;
        if !self.is_own(&operation) {
            return Err(BulkError::NotOwned { id: id.clone() }.into());
        }
        if operation.status.is_terminal() {
            return Ok(operation);
        }
        let variables = bulk_operation_cancel::Variables { id: id.to_string() };
        let response = self
            .shop
            .request::<BulkOperationCancel, _>(variables, RetryBudget::Full);
        let RootField::<MutationPayload<UserError>> { value: payload } = response.await?;
        if !payload.user_errors.is_empty() {
            let errors = payload.user_errors;
            let operation = "BulkOperationCancel";
            return Err(Error::UserErrors { operation, errors });
        }
        Ok(payload.bulk_operation.unwrap_or(operation))
    }

    /// The file of an operation that has completed, as it is: JSON lines. Broken connections are gone on with, and the
    /// length is compared with what Shopify states; nothing for an operation without objects.
    pub fn download<'b>(
        &'b self,
        operation: &'b BulkOperation,
    ) -> BoxStream<'b, Result<Bytes, Error>> {
        let file = operation.url.as_ref().map(|url| {
            let http = &self.shop.client.inner.http;
            download(http, &self.options, url, operation.file_size).map_err(Error::from)
        });
        futures::stream::iter(file).flatten().boxed()
    }
}

fn empty_payload(operation: &'static str, path: &str) -> Error {
    Error::Decode {
        operation,
        path: path.to_owned(),
        source: "there is neither a result nor an error".into(),
    }
}
