//! Sends the requests that rusoto builds: signs each attempt, retries, and classifies errors.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::PutPayload;
use rusoto_core::request::{
    DispatchSignedRequest, DispatchSignedRequestFuture, HttpDispatchError, HttpResponse,
};
use rusoto_core::signature::{SignedRequest, SignedRequestPayload};
use rusoto_core::{ByteStream, Client, Region, RusotoError};
use rusoto_s3::S3Client;
use tokio::time::{Instant, timeout};

use super::digests::hash_of;
use super::signer::{Signer, set_header};
use crate::config::{RetryConfig, SigningClock, Timeouts};
use crate::digest::ContentHash;
use crate::error::{BoxError, Error, Result, TransportKind};
use crate::spaces::http::transport_error;
use crate::spaces::response::ErrorResponse;

/// The state that all requests to one bucket share.
pub(super) struct BucketClient {
    pub(super) http: reqwest::Client,
    pub(super) region: Region,
    pub(super) bucket: String,
    /// `bucket.host`, if the bucket's name is part of the host instead of the path.
    pub(super) virtual_host: Option<String>,
    pub(super) signer: Signer,
    pub(super) clock: SigningClock,
    pub(super) timeouts: Timeouts,
    pub(super) retry: RetryConfig,
}

impl fmt::Debug for BucketClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketClient")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// One S3 operation: what is sent in addition to rusoto's request, and the outcome.
///
/// Also rusoto's dispatcher for that operation, so that it can keep a typed error: rusoto's own errors are strings.
#[derive(Clone)]
pub(super) struct Operation {
    client: Arc<BucketClient>,
    name: &'static str,
    key: Option<String>,
    /// Headers that rusoto 0.48 has no field for.
    headers: Vec<(String, String)>,
    /// Sent instead of rusoto's payload, which rusoto would wrap in a stream without a known hash.
    body: Option<(PutPayload, ContentHash)>,
    /// Whether the response's body is streamed to the caller; otherwise it is read within the attempt.
    streamed: bool,
    outcome: Arc<Mutex<Outcome>>,
}

#[derive(Debug, Default)]
struct Outcome {
    error: Option<Error>,
    ambiguous_attempt: bool,
}

impl Operation {
    pub(super) fn new(client: &Arc<BucketClient>, name: &'static str, key: Option<&str>) -> Self {
        Self {
            client: Arc::clone(client),
            name,
            key: key.map(str::to_owned),
            headers: Vec::new(),
            body: None,
            streamed: false,
            outcome: Arc::default(),
        }
    }

    pub(super) fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn with_body(mut self, body: PutPayload, hash: ContentHash) -> Self {
        self.body = Some((body, hash));
        self
    }

    pub(super) const fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// rusoto's client, with this operation as its dispatcher.
    pub(super) fn s3(&self) -> S3Client {
        let client = Client::new_not_signing(self.clone());
        S3Client::new_with_client(client, self.client.region.clone())
    }

    /// Whether an attempt was retried that may have taken effect.
    pub(super) fn had_ambiguous_attempt(&self) -> bool {
        self.outcome().ambiguous_attempt
    }

    /// Awaits a call of [`s3`](Self::s3) and returns the typed error instead of rusoto's.
    pub(super) async fn run<T, E: fmt::Display>(
        &self,
        call: impl Future<Output = Result<T, RusotoError<E>>>,
    ) -> Result<T> {
        // Some of rusoto's parsers panic on invalid headers.
        let result = AssertUnwindSafe(call).catch_unwind().await;
        let problem = match result {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => match self.outcome().error.take() {
                Some(ours) => return Err(ours),
                None => error_text(&error),
            },
            Err(panic) => panic_text(panic.as_ref()),
        };
        Err(Error::UnexpectedResponse {
            operation: self.name,
            source: problem.into(),
        })
    }

    fn outcome(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, mut request: SignedRequest) -> Result<HttpResponse> {
        let (body, hash) = self.prepare(&mut request).await?;
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            let signed_at = self.client.clock.now();
            self.client.signer.sign(&mut request, &hash, signed_at);
            // Built before the await: rusoto's request is not `Sync`.
            let request_builder = self.to_reqwest(&request, &body);
            let error = match self.attempt(request_builder, &body).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let retry = &self.client.retry;
            let wait = retry.delay(attempt, rand::random(), error.retry_after());
            let spent = began.elapsed() + wait;
            if !error.is_retryable() || attempt >= retry.max_retries || spent > retry.budget {
                return Err(error.into_error(self, signed_at));
            }
            self.outcome().ambiguous_attempt |= error.is_ambiguous();
            attempt += 1;
            log::info!(
                operation = self.name, attempt, wait_ms:? = wait.as_millis(), reason:% = error;
                "The Space did not serve a request; retrying"
            );
            tokio::time::sleep(wait).await;
        }
    }

    /// Completes rusoto's request and takes its payload.
    async fn prepare(&self, request: &mut SignedRequest) -> Result<(PutPayload, ContentHash)> {
        for (name, value) in &self.headers {
            set_header(request, name, value);
        }
        if let Some(host) = &self.client.virtual_host {
            request.set_hostname(Some(host.clone()));
            let bucket = format!("/{}", self.client.bucket);
            if let Some(path) = request.path.strip_prefix(&bucket) {
                let path = if path.is_empty() { "/" } else { path };
                request.path = String::from(path);
            }
        }
        let (body, hash) = match (&self.body, request.payload.take()) {
            (Some((body, hash)), _) => (body.clone(), *hash),
            (None, None) => (PutPayload::new(), ContentHash::of(b"")),
            (None, Some(SignedRequestPayload::Buffer(buffer))) => {
                let hash = ContentHash::of(&buffer);
                (buffer.into(), hash)
            }
            (None, Some(SignedRequestPayload::Stream(stream))) => {
                let pieces: Vec<Bytes> = stream.try_collect().await.map_err(Error::Spool)?;
                let body = PutPayload::from_iter(pieces);
                let hash = hash_of(&body);
                (body, hash)
            }
        };
        request.complement();
        set_header(
            request,
            "content-length",
            &body.content_length().to_string(),
        );
        Ok((body, hash))
    }

    async fn attempt(
        &self,
        request_builder: Result<reqwest::RequestBuilder, BoxError>,
        body: &PutPayload,
    ) -> Result<HttpResponse, AttemptError> {
        let request_builder = request_builder.map_err(AttemptError::Conversion)?;
        let limits = &self.client.timeouts;
        let limit = if body.content_length() > 0 {
            limits.request
        } else {
            limits.read
        };
        let receiving = self.receive(request_builder);
        timeout(limit, receiving)
            .await
            .unwrap_or(Err(AttemptError::TimedOut))
    }

    fn to_reqwest(
        &self,
        request: &SignedRequest,
        body: &PutPayload,
    ) -> Result<reqwest::RequestBuilder, BoxError> {
        let method = reqwest::Method::from_bytes(request.method().as_bytes())?;
        let path = request.canonical_uri();
        let mut url = format!("{}://{}{path}", request.scheme(), request.hostname());
        if !request.canonical_query_string().is_empty() {
            url.push('?');
            url.push_str(request.canonical_query_string());
        }
        let url = reqwest::Url::parse(&url)?;
        // A URL parser resolves `.` and `..`, which would change the signed path.
        if url.path() != path {
            return Err("the key cannot be represented in a URL".into());
        }
        let mut builder = self.client.http.request(method, url);
        for (name, values) in request.headers() {
            // reqwest derives the same host from the URL.
            for value in values.iter().filter(|_| name != "host") {
                builder = builder.header(name.as_str(), value.as_slice());
            }
        }
        Ok(match body.as_ref() {
            [] => builder,
            [whole] => builder.body(whole.clone()),
            // With a content-length header this is not sent in chunks, which S3 does not accept.
            _ => {
                let pieces = stream::iter(body.clone()).map(Ok::<_, std::io::Error>);
                builder.body(reqwest::Body::wrap_stream(pieces))
            }
        })
    }

    async fn receive(
        &self,
        request_builder: reqwest::RequestBuilder,
    ) -> Result<HttpResponse, AttemptError> {
        let response = request_builder
            .send()
            .await
            .map_err(AttemptError::Transport)?;
        let status = response.status();
        let headers = response.headers().clone();
        if self.streamed && status.is_success() {
            let body = with_read_timeout(response, self.client.timeouts.read);
            return to_rusoto(status, &headers, body).map_err(AttemptError::Conversion);
        }
        let body = response.bytes().await.map_err(AttemptError::Transport)?;
        // CopyObject and CompleteMultipartUpload may return 200 with an error in the body (S3 API reference, "CopyObject").
        let hidden_error =
            crate::spaces::response::error_code(&body).is_some() && body.len() < 8192;
        if status.is_success() && !hidden_error {
            let body = ByteStream::from(body.to_vec());
            return to_rusoto(status, &headers, body).map_err(AttemptError::Conversion);
        }
        let status = if status.is_success() {
            500
        } else {
            status.as_u16()
        };
        Err(AttemptError::Response(ErrorResponse::read(
            status, &headers, &body,
        )))
    }
}

impl DispatchSignedRequest for Operation {
    fn dispatch(
        &self,
        request: SignedRequest,
        _timeout: Option<Duration>,
    ) -> DispatchSignedRequestFuture {
        let operation = self.clone();
        Box::pin(async move {
            operation.send(request).await.map_err(|error| {
                operation.outcome().error = Some(error);
                HttpDispatchError::new("the error is in the operation's outcome".to_owned())
            })
        })
    }
}

/// The error of one attempt.
#[derive(Debug)]
enum AttemptError {
    Response(ErrorResponse),
    Transport(reqwest::Error),
    TimedOut,
    Conversion(BoxError),
}

impl AttemptError {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Response(response) => response.is_retryable(),
            Self::Transport(error) => {
                let tls = crate::spaces::http::transport_kind(error) == TransportKind::Tls;
                !error.is_builder() && !tls
            }
            Self::TimedOut => true,
            Self::Conversion(_) => false,
        }
    }

    fn is_ambiguous(&self) -> bool {
        match self {
            Self::Response(response) => response.is_ambiguous(),
            Self::Transport(error) => !error.is_connect(),
            Self::TimedOut => true,
            Self::Conversion(_) => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Response(response) => response.retry_after(),
            _ => None,
        }
    }

    fn into_error(self, operation: &Operation, signed_at: DateTime<Utc>) -> Error {
        match self {
            Self::Response(response) => response.into_error(
                &operation.client.bucket,
                operation.key.as_deref(),
                Some(signed_at),
            ),
            Self::Transport(error) => transport_error(error),
            Self::TimedOut => Error::Transport {
                kind: TransportKind::Timeout,
                source: operation.name.into(),
            },
            Self::Conversion(error) => Error::UnexpectedResponse {
                operation: operation.name,
                source: error,
            },
        }
    }
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => write!(f, "HTTP {} {}", response.status, response.code),
            Self::Transport(error) => crate::spaces::http::transport_kind(error).fmt(f),
            Self::TimedOut => TransportKind::Timeout.fmt(f),
            Self::Conversion(_) => f.write_str("not convertible"),
        }
    }
}

/// The response's body, which fails if no byte arrives for `limit`.
fn with_read_timeout(response: reqwest::Response, limit: Duration) -> ByteStream {
    let pieces = stream::try_unfold(
        response.bytes_stream().boxed(),
        move |mut pieces| async move {
            let next = timeout(limit, pieces.try_next()).await;
            let next = next.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?;
            let piece = next.map_err(|error| std::io::Error::other(error.without_url()))?;
            Ok(piece.map(|piece| (piece, pieces)))
        },
    );
    ByteStream::new(pieces)
}

fn to_rusoto(
    status: reqwest::StatusCode,
    headers: &reqwest::header::HeaderMap,
    body: ByteStream,
) -> Result<HttpResponse, BoxError> {
    let mut converted = http02::HeaderMap::<String>::with_capacity(headers.len());
    for (name, value) in headers {
        let name = http02::header::HeaderName::from_bytes(name.as_str().as_bytes())?;
        converted.append(name, String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    Ok(HttpResponse {
        status: http02::StatusCode::from_u16(status.as_u16())?,
        body,
        headers: converted,
    })
}

/// The text of rusoto's error, without a response body.
fn error_text<E: fmt::Display>(error: &RusotoError<E>) -> String {
    match error {
        RusotoError::ParseError(text) | RusotoError::Validation(text) => text.clone(),
        RusotoError::Unknown(response) => format!("HTTP {}", response.status.as_u16()),
        RusotoError::Service(error) => error.to_string(),
        RusotoError::HttpDispatch(error) => error.to_string(),
        RusotoError::Credentials(_) | RusotoError::Blocking => "rusoto failed".to_owned(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the parser panicked: {}", text.unwrap_or_default())
}
