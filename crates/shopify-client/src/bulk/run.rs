use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::download::download;
use super::marker::Marker;
use super::watch::{PollIntervals, pause};
use super::{BulkError, BulkOperation, BulkOptions};
use crate::model::Connection;
use crate::operations::{
    BulkOperationById, BulkOperationCancel, BulkOperationRun, BulkOperationsPage,
    bulk_operation_by_id, bulk_operation_cancel, bulk_operation_run, bulk_operations_page,
};
use crate::request::Patience;
use crate::{Error, Gid, ShopClient, ShopDomain, UserError};

/// Operations that have not ended. Of which kind they are, their markers tell.
const IN_PROGRESS: &str = "status:created OR status:running OR status:canceling";

/// The single steps of bulk operations in one shop.
#[derive(Debug, Clone)]
pub struct Bulk {
    pub(super) shop: ShopClient,
    pub(super) options: Arc<BulkOptions>,
    marker: Marker,
}

impl ShopClient {
    /// Bulk operations with the client's [`BulkOptions`].
    pub fn bulk(&self) -> Bulk {
        let options = Arc::clone(&self.client.inner.bulk);
        Bulk {
            shop: self.clone(),
            marker: Marker::new(&options.marker),
            options,
        }
    }
}

impl crate::Client {
    /// Says that a bulk operation of the shop has ended, as the webhook `bulk_operations/finish` tells: those who wait
    /// look at once. Without it they look after a while all the same, since no delivery is guaranteed.
    pub fn notify_bulk_finished(&self, shop: &ShopDomain) {
        self.state(shop).bulk.notify();
    }
}

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

/// An operation of ours that has its place among those that may run at a time.
#[derive(Debug)]
pub(super) struct RunningOperation {
    pub(super) id: Gid,
    /// Heard since before it was started: a short one may end before the answer to its start has come.
    pub(super) completions: watch::Receiver<u64>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// What to do when an operation could not be started.
enum StartFailure {
    /// Too many run.
    Busy,
    /// It is not known whether it was started.
    Unknown(Error),
}

impl Bulk {
    /// The same with other settings. [`BulkOptions::max_concurrent`] stays that of the client.
    #[must_use]
    pub fn with_options(mut self, options: BulkOptions) -> Self {
        self.marker = Marker::new(&options.marker);
        self.options = Arc::new(options);
        self
    }

    /// The settings.
    pub fn options(&self) -> &BulkOptions {
        &self.options
    }

    /// Says that an operation of this shop has ended; see [`Client::notify_bulk_finished`](crate::Client::notify_bulk_finished).
    pub fn notify_finished(&self) {
        self.shop.state.bulk.notify();
    }

    /// Runs a query over everything, and waits for its result.
    ///
    /// `query` begins at its first brace. Shopify takes one outermost connection, five in all, two levels nested within,
    /// and no variables. At most [`BulkOptions::max_concurrent`] run at a time; further ones wait for a place. When the caller
    /// stops waiting, the operation runs on in Shopify: [`Bulk::own_operations`] finds it.
    ///
    /// # Errors
    /// [`Error::Bulk`]: denied, refused, too many for [`BulkOptions::slot_timeout`], or ended without a result.
    pub async fn run(&self, query: &str) -> Result<BulkOperation, Error> {
        let running = self.start(query).await?;
        self.watch(running).await
    }

    /// Starts an operation. When the answer to that is lost, it is looked for by its marker, so that it does not run
    /// twice.
    pub(super) async fn start(&self, query: &str) -> Result<RunningOperation, Error> {
        let permit = self.shop.state.bulk.acquire().await;
        let completions = self.shop.state.bulk.completions();
        // One that ends makes room.
        let mut freed = completions.clone();
        let deadline = Instant::now() + self.options.slot_timeout;
        let (text, run) = self.marker.apply(query);
        let mut intervals = PollIntervals::new(&self.options);
        let mut lost_responses = 0;
        let id = loop {
            let failure = match self.try_start(&text).await {
                Ok(Ok(operation)) => break operation.id,
                Ok(Err(failure)) => failure,
                Err(error) => return Err(error),
            };
            if let StartFailure::Unknown(error) = &failure {
                if let Some(found) = self.find_run(&run).await? {
                    break found.id;
                }
                lost_responses += 1;
                if lost_responses >= self.shop.client.inner.retry.attempts {
                    log::warn!(shop:% = self.shop.shop; "a bulk operation cannot be started: {error}");
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match failure {
                StartFailure::Busy if left.is_zero() => return Err(BulkError::Busy.into()),
                StartFailure::Busy => pause(intervals.next().min(left), &mut freed).await,
                StartFailure::Unknown(error)
                    if lost_responses >= self.shop.client.inner.retry.attempts =>
                {
                    return Err(error);
                }
                StartFailure::Unknown(_) => pause(intervals.next(), &mut freed).await,
            }
        };
        log::info!(shop:% = self.shop.shop, id:% = id; "a bulk operation was started");
        Ok(RunningOperation {
            id,
            completions,
            _permit: permit,
        })
    }

    async fn try_start(&self, text: &str) -> Result<Result<BulkOperation, StartFailure>, Error> {
        let variables = bulk_operation_run::Variables {
            query: text.to_owned(),
            grouped: self.options.grouped,
        };
        let response = self
            .shop
            .ask::<BulkOperationRun, _>(variables, Patience::Full);
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

    async fn find_run(&self, run: &str) -> Result<Option<BulkOperation>, Error> {
        let mut own = self.list(None).await?.into_iter();
        Ok(own.find(|operation| self.marker.is_run(&operation.query, run)))
    }

    /// An operation as it is now.
    ///
    /// # Errors
    /// [`BulkError::NotFound`] if there is no such operation.
    pub async fn operation(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let variables = bulk_operation_by_id::Variables { id: id.to_string() };
        let response = self
            .shop
            .ask::<BulkOperationById, _>(variables, Patience::Full);
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
    async fn list(&self, filter: Option<&str>) -> Result<Vec<BulkOperation>, Error> {
        let variables = bulk_operations_page::Variables {
            // Ten run at most, queries and mutations together; the rest is history.
            first: 50,
            after: None,
            query: filter.map(str::to_owned),
        };
        let response = self
            .shop
            .ask::<BulkOperationsPage, _>(variables, Patience::Full);
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
            .ask::<BulkOperationCancel, _>(variables, Patience::Full);
        let RootField::<MutationPayload<UserError>> { value } = response.await?;
        if !value.user_errors.is_empty() {
            let errors = value.user_errors;
            let operation = "BulkOperationCancel";
            return Err(Error::UserErrors { operation, errors });
        }
        Ok(value.bulk_operation.unwrap_or(operation))
    }

    /// The file of an operation that has completed, as it is: JSON lines. Broken connections are gone on with, and the
    /// length is compared with what Shopify states; nothing for an operation without objects.
    pub fn download<'b>(
        &'b self,
        operation: &'b BulkOperation,
    ) -> BoxStream<'b, Result<bytes::Bytes, Error>> {
        let file = operation.url.as_ref().map(|url| {
            let inner = &self.shop.client.inner;
            download(inner, &self.options, url, operation.file_size).map_err(Error::from)
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
