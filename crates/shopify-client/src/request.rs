//! Sends GraphQL requests to the Admin API: reserves points, retries failures, renews rejected tokens.

mod document;
mod response;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use graphql_client::GraphQLQuery;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use crate::governor::{Cost, RequestSpec, Reservation};
use crate::http_client::{RequestFailure, Retry, post};
use crate::{API_VERSION, Error, RetryPolicy, ShopClient};
use document::may_mutate;
use response::{ClassifiedResponse, excerpt};

/// How many attempts a request may take when Shopify or the network fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryBudget {
    /// As many as the retry policy allows.
    Full,
    /// Two at most: the caller can request a smaller page instead.
    Reduced,
}

struct Request {
    operation: &'static str,
    /// What determines its cost.
    spec: RequestSpec,
    body: Bytes,
    /// Whether it may be executed twice.
    repeatable: bool,
    retry_budget: RetryBudget,
}

impl Request {
    /// The maximum number of attempts after this failure.
    fn attempts(&self, policy: &RetryPolicy, failure: &RequestFailure) -> u32 {
        let timed_out = matches!(
            failure.error,
            Error::Transport {
                timed_out: true,
                ..
            }
        );
        match self.retry_budget {
            RetryBudget::Full => policy.max_attempts,
            // Another attempt would time out again.
            RetryBudget::Reduced if timed_out => 1,
            RetryBudget::Reduced => policy.max_attempts.min(2),
        }
    }
}

/// The data of a response without errors.
pub(crate) struct Response {
    operation: &'static str,
    data: Box<RawValue>,
}

impl Response {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.read_part(&self.data)
    }

    /// Deserialises one part of the data.
    pub(crate) fn read_part<T: DeserializeOwned>(&self, part: &RawValue) -> Result<T, Error> {
        let mut read = serde_json::Deserializer::from_str(part.get());
        serde_path_to_error::deserialize(&mut read).map_err(|error| Error::Decode {
            operation: self.operation,
            path: error.path().to_string(),
            // The message quotes the value found, which may be a whole product description.
            source: excerpt(&error.into_inner().to_string()).into(),
        })
    }
}

impl ShopClient {
    /// Executes a custom query with this crate's pacing, retries and errors.
    ///
    /// `operation` is the name of the document's operation. Its cost is recorded under this name, and errors quote it.
    /// The response's `data` is deserialised into `T`.
    ///
    /// # Errors
    /// See [`Error`]. A response with `errors` is an error, even if it also has `data`.
    pub async fn execute<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        document: &str,
        variables: &(impl Serialize + Sync),
    ) -> Result<T, Error> {
        self.send(operation, document, variables, RetryBudget::Full)
            .await?
            .read()
    }

    /// Sends a generated operation and deserialises its response into a model instead of the generated structs.
    pub(crate) async fn request<Q, T>(
        &self,
        variables: Q::Variables,
        retry_budget: RetryBudget,
    ) -> Result<T, Error>
    where
        Q: GraphQLQuery,
        Q::Variables: Send + Sync,
        T: DeserializeOwned,
    {
        self.send_operation::<Q>(variables, retry_budget)
            .await?
            .read()
    }

    /// Sends a generated operation.
    pub(crate) async fn send_operation<Q>(
        &self,
        variables: Q::Variables,
        retry_budget: RetryBudget,
    ) -> Result<Response, Error>
    where
        Q: GraphQLQuery,
        Q::Variables: Send + Sync,
    {
        let query = Q::build_query(variables);
        self.send(
            query.operation_name,
            query.query,
            &query.variables,
            retry_budget,
        )
        .await
    }

    async fn send(
        &self,
        operation: &'static str,
        document: &str,
        variables: &(impl Serialize + Sync),
        retry_budget: RetryBudget,
    ) -> Result<Response, Error> {
        let body = serde_json::json!({
            "query": document,
            "operationName": operation,
            "variables": variables,
        });
        let request = Request {
            operation,
            spec: RequestSpec::from_document(operation, document, &body["variables"]),
            body: body.to_string().into(),
            repeatable: !may_mutate(document, operation),
            retry_budget,
        };
        let data = self.send_with_retries(&request).await?;
        Ok(Response { operation, data })
    }

    /// Sends the request until it succeeds, fails permanently, or the retry budget is used up.
    async fn send_with_retries(&self, request: &Request) -> Result<Box<RawValue>, Error> {
        let policy = &self.client.inner.http.retry;
        let start = Instant::now();
        let (mut failures, mut throttles, mut renewed) = (0, 0, false);
        let mut token = self.token.access_token().await?;
        loop {
            let failure = match self.attempt(request, &token).await {
                Ok(data) => return Ok(data),
                Err(failure) => failure,
            };
            let pause = match failure.retry {
                Retry::WithNewToken if !renewed => {
                    renewed = true;
                    token = self.renew_token(&token).await?;
                    continue;
                }
                Retry::Throttled(retry_after) => {
                    throttles += 1;
                    policy.throttle_backoff(throttles, retry_after)
                }
                Retry::NotSent if failures + 1 < policy.max_attempts => {
                    failures += 1;
                    policy.backoff(failures, None)
                }
                Retry::Transient(retry_after)
                    if request.repeatable && failures + 1 < request.attempts(policy, &failure) =>
                {
                    failures += 1;
                    policy.backoff(failures, retry_after)
                }
                _ => return Err(failure.error),
            };
            if start.elapsed().saturating_add(pause) > policy.budget {
                return Err(failure.error);
            }
            let (shop, operation, error) = (&self.shop, request.operation, &failure.error);
            log::debug!(shop:% = shop, operation, pause:? = pause; "Request failed: {error}; retrying after a pause");
            sleep(pause).await;
        }
    }

    async fn renew_token(&self, rejected: &SecretString) -> Result<SecretString, Error> {
        match self.token.renew(rejected).await {
            Ok(token) => Ok(token),
            Err(error) if error.retryable || error.reauthorize => Err(error.into()),
            Err(_) => Err(Error::Unauthorized),
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        token: &SecretString,
    ) -> Result<Box<RawValue>, RequestFailure> {
        let operation = request.operation;
        let http = &self.client.inner.http;
        let token = token_header(operation, token)?;
        let reservation = self.reserve(request).await?;
        self.state.usage.requests.fetch_add(1, Ordering::Relaxed);
        let path = format!("/admin/api/{API_VERSION}/graphql.json");
        let url = http.endpoint.url(&self.shop, &path);
        let post = post(&url).header("X-Shopify-Access-Token", token);
        let post = post.body(request.body.clone());
        let raw = match http.send(operation, post).await {
            Ok(raw) => raw,
            Err(failure) => {
                if matches!(failure.retry, Retry::NotSent) {
                    reservation.release();
                }
                return Err(failure);
            }
        };
        self.check_version(raw.api_version.as_deref());
        let classified = response::classify(operation, &raw);
        if let Some(cost) = classified.cost {
            self.state.usage.add_points(cost.actual);
        }
        settle_reservation(reservation, &classified);
        classified
            .outcome
            .map_err(|failure| self.count_throttle(operation, failure, classified.cost))
    }

    /// Waits until the request is first in the queue and its points are available.
    async fn reserve(&self, request: &Request) -> Result<Reservation<'_>, RequestFailure> {
        let governor = &self.state.governor;
        let costs_too_much = |cost| {
            RequestFailure::permanent(Error::MaxCostExceeded {
                operation: request.operation,
                cost: Some(cost),
            })
        };
        // The caller can request a smaller page, and a request that fits into our share is never throttled.
        if request.retry_budget == RetryBudget::Reduced
            && let Some(cost) = governor.cost_above_share(&request.spec)
        {
            return Err(costs_too_much(cost));
        }
        let reserved = governor.reserve(&request.spec).await;
        reserved.map_err(|error| costs_too_much(error.cost))
    }

    /// Counts a throttled request. If the bucket can never hold its cost, the failure becomes permanent.
    fn count_throttle(
        &self,
        operation: &'static str,
        failure: RequestFailure,
        cost: Option<Cost>,
    ) -> RequestFailure {
        if !matches!(failure.retry, Retry::Throttled(_)) {
            return failure;
        }
        self.state.usage.throttled.fetch_add(1, Ordering::Relaxed);
        match cost.and_then(|cost| cost.requested_above_bucket()) {
            Some(cost) => RequestFailure::permanent(Error::MaxCostExceeded {
                operation,
                cost: Some(cost),
            }),
            None => failure,
        }
    }

    fn check_version(&self, version: Option<&str>) {
        let Some(version) = version.filter(|version| *version != API_VERSION) else {
            return;
        };
        if !self.state.version_warned.swap(true, Ordering::Relaxed) {
            let shop = &self.shop;
            log::warn!(
                shop:% = shop;
                "Shopify responded with API version {version} instead of {API_VERSION}; {API_VERSION} may no longer be supported"
            );
        }
    }
}

/// Settles the reservation with the result of the request.
fn settle_reservation(reservation: Reservation<'_>, classified: &ClassifiedResponse) {
    let cost = classified.cost.as_ref();
    match &classified.outcome {
        Err(failure) if matches!(failure.retry, Retry::Throttled(_)) => {
            reservation.settle_throttled(cost);
        }
        Err(failure) if cost.is_none() && matches!(failure.retry, Retry::Transient(_)) => {
            // It may have been executed; a dropped reservation counts as a lost request.
            drop(reservation);
        }
        Err(_) if cost.is_none_or(|cost| cost.actual.is_none()) => reservation.release(),
        _ => reservation.settle(cost),
    }
}

fn token_header(
    operation: &'static str,
    token: &SecretString,
) -> Result<HeaderValue, RequestFailure> {
    let unsendable = |_| {
        RequestFailure::permanent(Error::Configuration {
            reason: format!("the access token for `{operation}` cannot be sent in a header"),
        })
    };
    let mut value = HeaderValue::from_str(token.expose_secret()).map_err(unsendable)?;
    value.set_sensitive(true);
    Ok(value)
}
