//! Sends the GraphQL requests that start, read, list and cancel bulk operations.

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

/// Selects operations that have not ended. Their markers distinguish queries of this program from others.
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

/// The value of the only root field of a response.
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

/// Why an operation could not be started.
pub(super) enum StartFailure {
    /// Too many operations are running.
    Busy,
    /// It is unknown whether the operation was started.
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

    /// The current state of an operation.
    ///
    /// # Errors
    /// [`BulkError::NotFound`] if the operation does not exist.
    pub async fn operation(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let variables = bulk_operation_by_id::Variables { id: id.to_string() };
        let response = self
            .shop
            .request::<BulkOperationById, _>(variables, RetryBudget::Full);
        let RootField::<Option<BulkOperation>> { value } = response.await?;
        value.ok_or_else(|| BulkError::NotFound { id: id.clone() }.into())
    }

    /// The operations of this program that have not ended, newest first. The marker identifies them, so operations of
    /// other processes with the same marker are included.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn own_operations(&self) -> Result<Vec<BulkOperation>, Error> {
        let all = self.list(Some(IN_PROGRESS)).await?;
        let own = |operation: &BulkOperation| self.is_own(operation);
        Ok(all.into_iter().filter(own).collect())
    }

    /// The latest operations of the app.
    pub(super) async fn list(&self, filter: Option<&str>) -> Result<Vec<BulkOperation>, Error> {
        let variables = bulk_operations_page::Variables {
            // At most ten run, queries and mutations together; the others have ended.
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

    /// Cancels an operation of this program and returns its new state. It takes a moment until a cancelled operation
    /// has ended. An operation that has ended already is returned unchanged.
    ///
    /// # Errors
    /// [`BulkError::NotOwned`] if another program started the operation: it is not changed. [`Error::UserErrors`] if
    /// Shopify rejects the request.
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

    /// Downloads the result of a completed operation as it is: JSON lines. Broken connections are resumed, and the
    /// length is compared with the stated one. The stream is empty for an operation without objects.
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
