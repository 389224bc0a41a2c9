//! The one way by which requests reach the Admin API.

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
use crate::http_client::{Failure, Retry, post};
use crate::{API_VERSION, Error, RetryPolicy, ShopClient};
use document::may_change;
use response::{ClassifiedResponse, shortened};

/// How long to insist when the other side fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryBudget {
    /// As the policy says.
    Full,
    /// One more attempt: the caller can ask for less instead.
    Reduced,
}

struct Request {
    operation: &'static str,
    /// What decides its cost.
    ask: RequestSpec,
    body: Bytes,
    /// Whether doing it twice is as good as doing it once.
    repeatable: bool,
    patience: RetryBudget,
}

impl Request {
    /// How often to send it in all when it fails like this.
    fn attempts(&self, policy: &RetryPolicy, failure: &Failure) -> u32 {
        let timed_out = matches!(
            failure.error,
            Error::Transport {
                timed_out: true,
                ..
            }
        );
        match self.patience {
            RetryBudget::Full => policy.max_attempts,
            // The same would take as long again.
            RetryBudget::Reduced if timed_out => 1,
            RetryBudget::Reduced => policy.max_attempts.min(2),
        }
    }
}

/// The data of an answer without errors.
pub(crate) struct Response {
    operation: &'static str,
    data: Box<RawValue>,
}

impl Response {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.read_part(&self.data)
    }

    /// Reads a part of it alone.
    pub(crate) fn read_part<T: DeserializeOwned>(&self, part: &RawValue) -> Result<T, Error> {
        let mut read = serde_json::Deserializer::from_str(part.get());
        serde_path_to_error::deserialize(&mut read).map_err(|error| Error::Decode {
            operation: self.operation,
            path: error.path().to_string(),
            // Its words quote what was found, which may be a whole description.
            source: shortened(&error.into_inner().to_string()).into(),
        })
    }
}

impl ShopClient {
    /// Asks a query of one's own, with this crate's pacing, retries and errors.
    ///
    /// `operation` is the name of the document's operation; it paces (its cost is remembered) and it is named in
    /// errors. The answer's `data` is deserialised into `T`.
    ///
    /// # Errors
    /// See [`Error`]. An answer with `errors` is an error, even if it has `data` too.
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

    /// Asks a generated operation, but reads the answer into the models instead of the generated structs.
    pub(crate) async fn request<Q, T>(
        &self,
        variables: Q::Variables,
        patience: RetryBudget,
    ) -> Result<T, Error>
    where
        Q: GraphQLQuery,
        Q::Variables: Send + Sync,
        T: DeserializeOwned,
    {
        self.send_operation::<Q>(variables, patience).await?.read()
    }

    /// Asks a generated operation.
    pub(crate) async fn send_operation<Q>(
        &self,
        variables: Q::Variables,
        patience: RetryBudget,
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
            patience,
        )
        .await
    }

    async fn send(
        &self,
        operation: &'static str,
        document: &str,
        variables: &(impl Serialize + Sync),
        patience: RetryBudget,
    ) -> Result<Response, Error> {
        let body = serde_json::json!({
            "query": document,
            "operationName": operation,
            "variables": variables,
        });
        let request = Request {
            operation,
            ask: RequestSpec::from_document(operation, document, &body["variables"]),
            body: body.to_string().into(),
            repeatable: !may_change(document, operation),
            patience,
        };
        let data = self.call(&request).await?;
        Ok(Response { operation, data })
    }

    /// Sends until there is data, an error that stays, or no patience left.
    async fn call(&self, request: &Request) -> Result<Box<RawValue>, Error> {
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
                    token = self.renewed(&token).await?;
                    continue;
                }
                Retry::Throttled(asked) => {
                    throttles += 1;
                    policy.throttled(throttles, asked)
                }
                Retry::Unsent if failures + 1 < policy.max_attempts => {
                    failures += 1;
                    policy.pause(failures, None)
                }
                Retry::Passing(asked)
                    if request.repeatable && failures + 1 < request.attempts(policy, &failure) =>
                {
                    failures += 1;
                    policy.pause(failures, asked)
                }
                _ => return Err(failure.error),
            };
            if start.elapsed().saturating_add(pause) > policy.budget {
                return Err(failure.error);
            }
            let (shop, operation, error) = (&self.shop, request.operation, &failure.error);
            log::debug!(shop:% = shop, operation, pause:? = pause; "{error}; trying again");
            sleep(pause).await;
        }
    }

    async fn renewed(&self, rejected: &SecretString) -> Result<SecretString, Error> {
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
    ) -> Result<Box<RawValue>, Failure> {
        let operation = request.operation;
        let http = &self.client.inner.http;
        let token = secret(operation, token)?;
        let reservation = self.reserved(request).await?;
        self.state.usage.requests.fetch_add(1, Ordering::Relaxed);
        let path = format!("/admin/api/{API_VERSION}/graphql.json");
        let url = http.endpoint.url(&self.shop, &path);
        let post = post(&url).header("X-Shopify-Access-Token", token);
        let post = post.body(request.body.clone());
        let arrived = match http.send(operation, post).await {
            Ok(arrived) => arrived,
            Err(failure) => {
                if matches!(failure.retry, Retry::Unsent) {
                    reservation.release();
                }
                return Err(failure);
            }
        };
        self.note_version(arrived.api_version.as_deref());
        let judged = response::judge(operation, &arrived);
        if let Some(cost) = judged.cost {
            self.state.usage.add_points(cost.actual);
        }
        settle(reservation, &judged);
        judged
            .outcome
            .map_err(|failure| self.weighed(operation, failure, judged.cost))
    }

    /// Waits for the request's turn and its points.
    async fn reserved(&self, request: &Request) -> Result<Reservation<'_>, Failure> {
        let governor = &self.state.governor;
        let too_dear = |cost| {
            Failure::never(Error::MaxCostExceeded {
                operation: request.operation,
                cost: Some(cost),
            })
        };
        // The caller can ask for less, and what fits into our share is never throttled.
        if request.patience == RetryBudget::Reduced
            && let Some(cost) = governor.cost_above_share(&request.ask)
        {
            return Err(too_dear(cost));
        }
        let reserved = governor.reserve(&request.ask).await;
        reserved.map_err(|error| too_dear(error.cost))
    }

    /// Counts a throttled request, and gives up one that can never be paid: waiting fills no bucket beyond its size.
    fn weighed(&self, operation: &'static str, failure: Failure, cost: Option<Cost>) -> Failure {
        if !matches!(failure.retry, Retry::Throttled(_)) {
            return failure;
        }
        self.state.usage.throttled.fetch_add(1, Ordering::Relaxed);
        match cost.and_then(|cost| cost.beyond_the_bucket()) {
            Some(cost) => Failure::never(Error::MaxCostExceeded {
                operation,
                cost: Some(cost),
            }),
            None => failure,
        }
    }

    fn note_version(&self, answered: Option<&str>) {
        let Some(answered) = answered.filter(|version| *version != API_VERSION) else {
            return;
        };
        if !self.state.version_noted.swap(true, Ordering::Relaxed) {
            let shop = &self.shop;
            log::warn!(
                shop:% = shop;
                "Shopify answers with API version {answered} instead of {API_VERSION}: the latter may have been retired"
            );
        }
    }
}

/// Tells the governor how the request ended.
fn settle(reservation: Reservation<'_>, judged: &ClassifiedResponse) {
    let cost = judged.cost.as_ref();
    match &judged.outcome {
        Err(failure) if matches!(failure.retry, Retry::Throttled(_)) => {
            reservation.settle_throttled(cost)
        }
        Err(failure) if cost.is_none() && matches!(failure.retry, Retry::Passing(_)) => {
            // It may or may not have been carried out.
            drop(reservation);
        }
        Err(_) if cost.is_none_or(|cost| cost.actual.is_none()) => reservation.release(),
        _ => reservation.settle(cost),
    }
}

fn secret(operation: &'static str, token: &SecretString) -> Result<HeaderValue, Failure> {
    let unsendable = |_| {
        Failure::never(Error::Configuration {
            reason: format!("the access token for `{operation}` cannot be sent in a header"),
        })
    };
    let mut value = HeaderValue::from_str(token.expose_secret()).map_err(unsendable)?;
    value.set_sensitive(true);
    Ok(value)
}
