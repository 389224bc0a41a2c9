use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::download::download;
use super::marker::Marker;
use super::watch::{Gaps, pause};
use super::{BulkError, BulkOperation, BulkOptions};
use crate::model::Connection;
use crate::operations::{
    BulkOperationById, BulkOperationCancel, BulkOperationRun, BulkOperationsPage,
    bulk_operation_by_id, bulk_operation_cancel, bulk_operation_run, bulk_operations_page,
};
use crate::request::RetryBudget;
use crate::{Error, Gid, ShopClient, ShopDomain, UserError};

/// Operations that have not ended. Of which kind they are, their markers tell.
const UNDER_WAY: &str = "status:created OR status:running OR status:canceling";

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
    pub fn bulk_finished(&self, shop: &ShopDomain) {
        self.state(shop).bulk.announce();
    }
}

#[derive(Deserialize)]
struct RunError {
    #[serde(default)]
    code: Option<String>,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started<E> {
    bulk_operation: Option<BulkOperation>,
    user_errors: Vec<E>,
}

/// The answer of an operation with one field, by whatever name.
#[derive(Deserialize)]
struct Answer<T> {
    #[serde(
        alias = "bulkOperation",
        alias = "bulkOperations",
        alias = "bulkOperationRunQuery",
        alias = "bulkOperationCancel"
    )]
    answer: T,
}

/// An operation of ours that has its place among those that may run at a time.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: Gid,
    /// Heard since before it was started: a short one may end before the answer to its start has come.
    pub(super) news: watch::Receiver<u64>,
    _place: Option<OwnedSemaphorePermit>,
}

/// What to do when an operation could not be started.
enum Again {
    /// Too many run.
    WhenFree,
    /// It is not known whether it was started.
    Unless(Error),
}

impl Bulk {
    /// The same with other settings. [`BulkOptions::at_once`] stays that of the client.
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

    /// Says that an operation of this shop has ended; see [`Client::bulk_finished`](crate::Client::bulk_finished).
    pub fn finished(&self) {
        self.shop.state.bulk.announce();
    }

    /// Runs a query over everything, and waits for its result.
    ///
    /// `query` begins at its first brace. Shopify takes one outermost connection, five in all, two levels nested within,
    /// and no variables. At most [`BulkOptions::at_once`] run at a time; further ones wait for a place. When the caller
    /// stops waiting, the operation runs on in Shopify: [`Bulk::own_operations`] finds it.
    ///
    /// # Errors
    /// [`Error::Bulk`]: denied, refused, too many for [`BulkOptions::slot_wait`], or ended without a result.
    pub async fn run(&self, query: &str) -> Result<BulkOperation, Error> {
        let running = self.start(query).await?;
        self.watch(running).await
    }

    /// Starts an operation. When the answer to that is lost, it is looked for by its marker, so that it does not run
    /// twice.
    pub(super) async fn start(&self, query: &str) -> Result<Running, Error> {
        let place = self.shop.state.bulk.take().await;
        let news = self.shop.state.bulk.news();
        // One that ends makes room.
        let mut room = news.clone();
        let deadline = Instant::now() + self.options.slot_wait;
        let (text, run) = self.marker.mark(query);
        let mut gaps = Gaps::new(&self.options);
        let mut lost = 0;
        let id = loop {
            let again = match self.try_start(&text).await {
                Ok(Ok(operation)) => break operation.id,
                Ok(Err(again)) => again,
                Err(error) => return Err(error),
            };
            if let Again::Unless(error) = &again {
                if let Some(found) = self.find_run(&run).await? {
                    break found.id;
                }
                lost += 1;
                if lost >= self.shop.client.inner.http.retry.max_attempts {
                    log::warn!(shop:% = self.shop.shop; "a bulk operation cannot be started: {error}");
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match again {
                Again::WhenFree if left.is_zero() => return Err(BulkError::Busy.into()),
                Again::WhenFree => pause(gaps.next().min(left), &mut room).await,
                Again::Unless(error) if lost >= self.shop.client.inner.http.retry.max_attempts => {
                    return Err(error);
                }
                Again::Unless(_) => pause(gaps.next(), &mut room).await,
            }
        };
        log::info!(shop:% = self.shop.shop, id:% = id; "a bulk operation was started");
        Ok(Running {
            id,
            news,
            _place: place,
        })
    }

    async fn try_start(&self, text: &str) -> Result<Result<BulkOperation, Again>, Error> {
        let variables = bulk_operation_run::Variables {
            query: text.to_owned(),
            grouped: self.options.grouped,
        };
        let answer = self
            .shop
            .request::<BulkOperationRun, _>(variables, RetryBudget::Full);
        let started: Started<RunError> = match answer.await {
            Ok(Answer { answer }) => answer,
            Err(Error::AccessDenied { message }) => {
                return Err(BulkError::Unavailable { message }.into());
            }
            Err(error @ (Error::Transport { .. } | Error::Status { .. })) => {
                return Ok(Err(Again::Unless(error)));
            }
            Err(error) => return Err(error),
        };
        let code = |error: &RunError| error.code.clone().unwrap_or_default();
        let codes: Vec<String> = started.user_errors.iter().map(code).collect();
        let busy = ["LIMIT_REACHED", "OPERATION_IN_PROGRESS"];
        if codes.iter().any(|code| busy.contains(&code.as_str())) {
            return Ok(Err(Again::WhenFree));
        }
        if let Some(RunError { code, message }) = started.user_errors.into_iter().next() {
            return Err(match code.as_deref() {
                Some("ACCESS_DENIED") => BulkError::Unavailable { message },
                _ => BulkError::Refused { message },
            }
            .into());
        }
        let nothing = || nothing("BulkOperationRun", "bulkOperationRunQuery.bulkOperation");
        started.bulk_operation.ok_or_else(nothing).map(Ok)
    }

    async fn find_run(&self, run: &str) -> Result<Option<BulkOperation>, Error> {
        let mut own = self.list(None).await?.into_iter();
        Ok(own.find(|operation| self.marker.names_run(&operation.query, run)))
    }

    /// An operation as it is now.
    ///
    /// # Errors
    /// [`BulkError::Unknown`] if there is no such operation.
    pub async fn operation(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let variables = bulk_operation_by_id::Variables { id: id.to_string() };
        let answer = self
            .shop
            .request::<BulkOperationById, _>(variables, RetryBudget::Full);
        let Answer::<Option<BulkOperation>> { answer } = answer.await?;
        answer.ok_or_else(|| BulkError::Unknown { id: id.clone() }.into())
    }

    /// Our own operations that have not ended, newest first: those with our marker, also from another process.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn own_operations(&self) -> Result<Vec<BulkOperation>, Error> {
        let all = self.list(Some(UNDER_WAY)).await?;
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
        let answer = self
            .shop
            .request::<BulkOperationsPage, _>(variables, RetryBudget::Full);
        let Answer::<Connection<BulkOperation>> { answer } = answer.await?;
        Ok(answer.into_nodes())
    }

    fn is_own(&self, operation: &BulkOperation) -> bool {
        self.marker.is_on(&operation.query)
    }

    /// Cancels one of our own operations, and returns it as it is then: it takes a moment until it has ended. One that
    /// has ended already stays as it is.
    ///
    /// # Errors
    /// [`BulkError::Foreign`] if it is not ours: it is not touched. [`Error::UserErrors`] if Shopify refuses.
    pub async fn cancel(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let operation = self.operation(id).await?;
        if !self.is_own(&operation) {
            return Err(BulkError::Foreign { id: id.clone() }.into());
        }
        if operation.status.is_terminal() {
            return Ok(operation);
        }
        let variables = bulk_operation_cancel::Variables { id: id.to_string() };
        let answer = self
            .shop
            .request::<BulkOperationCancel, _>(variables, RetryBudget::Full);
        let Answer::<Started<UserError>> { answer } = answer.await?;
        if !answer.user_errors.is_empty() {
            let errors = answer.user_errors;
            let operation = "BulkOperationCancel";
            return Err(Error::UserErrors { operation, errors });
        }
        Ok(answer.bulk_operation.unwrap_or(operation))
    }

    /// The file of an operation that has completed, as it is: JSON lines. Broken connections are gone on with, and the
    /// length is compared with what Shopify states; nothing for an operation without objects.
    pub fn download<'b>(
        &'b self,
        operation: &'b BulkOperation,
    ) -> BoxStream<'b, Result<bytes::Bytes, Error>> {
        let file = operation.url.as_ref().map(|url| {
            let http = &self.shop.client.inner.http;
            download(http, &self.options, url, operation.file_size).map_err(Error::from)
        });
        futures::stream::iter(file).flatten().boxed()
    }
}

fn nothing(operation: &'static str, path: &str) -> Error {
    Error::Decode {
        operation,
        path: path.to_owned(),
        source: "there is neither a result nor an error".into(),
    }
}
