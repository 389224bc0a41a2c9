//! Implements [`AwsBackend`] on `object_store`'s own S3 client, for the same settings.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, UploadPart,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::http;
use super::response::ErrorResponse;
use crate::config::{SpacesConfig, Timeouts};
use crate::error::{Error, Result, TransportKind};

/// A bucket of an S3-compatible store, accessed with `object_store`'s own client over the same `reqwest`.
///
/// Differences from `SpacesBackend`: bodies are protected by the signed SHA-256 only (no Content-MD5), and objects have
/// the store's default ACL.
#[derive(Debug, Clone)]
pub struct AwsBackend {
    inner: Arc<AmazonS3>,
    bucket: Arc<str>,
}

tokio::task_local! {
    /// The operation that runs in this task, with the failure of its last request.
    static OPERATION_CONTEXT: OperationContext;
}

#[derive(Debug)]
struct OperationContext {
    bucket: Arc<str>,
    key: Option<String>,
    failure: RefCell<Option<Error>>,
}

impl AwsBackend {
    /// Creates the client, without using the network.
    ///
    /// # Errors
    /// If the settings are invalid.
    pub fn new(config: &SpacesConfig) -> Result<Self> {
        config.validate()?;
        let mut endpoint = config.service_endpoint();
        let virtual_host = config.is_virtual_host();
        if virtual_host {
            let host = format!(
                "{}.{}",
                config.bucket,
                endpoint.host_str().unwrap_or_default()
            );
            // Cannot fail: a valid host with another label in front is a valid host.
            let _ = endpoint.set_host(Some(&host));
        }
        let transport = Transport {
            client: HttpClient::new(http::client(config)?),
            timeouts: config.timeouts,
        };
        let retry = object_store::RetryConfig {
            backoff: BackoffConfig {
                init_backoff: config.retry.base,
                max_backoff: config.retry.max,
                base: 2.0,
            },
            max_retries: config.retry.max_retries as usize,
            retry_timeout: config.retry.budget,
        };
        let inner = AmazonS3Builder::new()
            .with_endpoint(endpoint.as_str().trim_end_matches('/'))
            .with_allow_http(endpoint.scheme() == "http")
            .with_virtual_hosted_style_request(virtual_host)
            .with_region(&config.region)
            .with_bucket_name(&config.bucket)
            .with_access_key_id(config.access_key.expose_secret())
            .with_secret_access_key(config.secret_key.expose_secret())
            .with_retry(retry)
            .with_http_connector(Connector(transport))
            .build()?;
        Ok(Self {
            inner: Arc::new(inner),
            bucket: config.bucket.as_str().into(),
        })
    }

    /// Runs `operation` and replaces the client's error with the failure recorded for its last request.
    async fn run<T>(
        &self,
        key: Option<&Path>,
        operation: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        let context = OperationContext {
            bucket: Arc::clone(&self.bucket),
            key: key.map(Path::to_string),
            failure: RefCell::default(),
        };
        let translated = async {
            let outcome = operation.await;
            let failure = OPERATION_CONTEXT.with(|context| context.failure.take());
            outcome.map_err(|error| match (error, failure) {
                (object_store::Error::AlreadyExists { path, .. }, Some(failure)) => {
                    let source = Box::new(failure);
                    object_store::Error::AlreadyExists { path, source }
                }
                (_, Some(failure)) => failure.into_object_store(),
                (error, None) => error,
            })
        };
        OPERATION_CONTEXT.scope(context, translated).await
    }

    fn run_stream<T: Send + 'static>(
        &self,
        items: BoxStream<'static, object_store::Result<T>>,
    ) -> BoxStream<'static, object_store::Result<T>> {
        let backend = self.clone();
        stream::unfold(items, move |mut items| {
            let backend = backend.clone();
            async move {
                match backend.run(None, async { items.try_next().await }).await {
                    Ok(Some(item)) => Some((Ok(item), items)),
                    Ok(None) => None,
                    Err(error) => Some((Err(error), items)),
                }
            }
        })
        .boxed()
    }

    /// The reason for a failed HEAD. A response to HEAD has no body, so if its status is ambiguous, this sends
    /// a GET of one byte.
    async fn detailed_error(
        &self,
        location: &Path,
        error: object_store::Error,
    ) -> object_store::Error {
        let ambiguous = match Error::from(error) {
            Error::AccessDenied { code } if code.is_empty() => Error::AccessDenied { code },
            Error::Rejected { status, code } if code.is_empty() => Error::Rejected { status, code },
            Error::WrongEndpoint { code } => Error::WrongEndpoint { code },
            clear => return clear.into_object_store(),
        };
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(0..1)));
        let result = self.run(Some(location), self.inner.get_opts(location, options));
        result.await.err().unwrap_or(ambiguous.into_object_store())
    }
}

/// Provides the client that was built from the settings.
#[derive(Debug)]
struct Connector(Transport);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// Sends requests with a time limit and records the failure of each.
#[derive(Debug, Clone)]
struct Transport {
    client: HttpClient,
    timeouts: Timeouts,
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let limit = if request.body().is_empty() {
            self.timeouts.read
        } else {
            self.timeouts.request
        };
        let response = timeout(limit, self.round_trip(request)).await;
        let response =
            response.unwrap_or_else(|elapsed| Err(HttpError::new(HttpErrorKind::Timeout, elapsed)));
        if let Err(error) = &response {
            record_failure(|_| transport_error(error));
        }
        response
    }
}

impl Transport {
    async fn round_trip(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.client.execute(request).await?;
        let status = response.status();
        if status.is_success() {
            // Fails only outside of an operation, where nothing is recorded.
            let _ = OPERATION_CONTEXT.try_with(|operation| operation.failure.take());
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let pieces: Vec<_> = body.bytes_stream().try_collect().await?;
        let body = pieces.concat();
        record_failure(|operation| {
            let response = ErrorResponse::read(status.as_u16(), &head.headers, &body);
            response.into_error(&operation.bucket, operation.key.as_deref(), None)
        });
        Ok(HttpResponse::from_parts(head, body.into()))
    }
}

/// Records the failure of the current operation's last request. Does nothing outside of an operation.
fn record_failure(failure: impl FnOnce(&OperationContext) -> Error) {
    let _ = OPERATION_CONTEXT.try_with(|operation| {
        let failure = failure(operation);
        operation.failure.replace(Some(failure));
    });
}

fn transport_error(error: &HttpError) -> Error {
    let kind = match error.kind() {
        HttpErrorKind::Timeout => TransportKind::Timeout,
        _ if http::is_tls_error(error) => TransportKind::Tls,
        HttpErrorKind::Connect => TransportKind::Connect,
        _ => TransportKind::Broken,
    };
    Error::Transport {
        kind,
        source: format!("{kind:?}").into(),
    }
}

fn body_error(error: object_store::Error) -> object_store::Error {
    Error::Transport {
        kind: TransportKind::Broken,
        source: Box::new(error),
    }
    .into_object_store()
}

impl fmt::Display for AwsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for AwsBackend {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let mut is_update = false;
        if let PutMode::Update(expected) = &mut options.mode {
            is_update = true;
            // Ceph and Spaces accept an ETag in If-Match only without quotes; AWS accepts both.
            let tag = expected.e_tag.take();
            expected.e_tag = tag.map(|tag| tag.trim_matches('"').to_owned());
        }
        let put = self.inner.put_opts(location, payload, options);
        match self.run(Some(location), put).await {
            // Ceph returns 404 if the object to replace does not exist.
            Err(object_store::Error::NotFound { path, .. }) if is_update => {
                Err(Error::PreconditionFailed { key: path }.into_object_store())
            }
            outcome => outcome,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        let start = self.inner.put_multipart_opts(location, options);
        Ok(Box::new(AwsUpload {
            inner: self.run(Some(location), start).await?,
            backend: self.clone(),
            location: location.clone(),
        }))
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        let head = options.head;
        let got = self.run(Some(location), self.inner.get_opts(location, options));
        match got.await {
            Ok(GetResult {
                payload: GetResultPayload::Stream(body),
                meta,
                range,
                attributes,
                extensions,
            }) => Ok(GetResult {
                payload: GetResultPayload::Stream(body.map_err(body_error).boxed()),
                meta,
                range,
                attributes,
                extensions,
            }),
            Err(error) if head => Err(self.detailed_error(location, error).await),
            outcome => outcome,
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.run_stream(self.inner.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.run_stream(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.run_stream(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.run(None, self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.run(Some(from), self.inner.copy_opts(from, to, options))
            .await
    }
}

#[derive(Debug)]
struct AwsUpload {
    inner: Box<dyn MultipartUpload>,
    backend: AwsBackend,
    location: Path,
}

#[async_trait]
impl MultipartUpload for AwsUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (backend, location) = (self.backend.clone(), self.location.clone());
        let sending = self.inner.put_part(data);
        Box::pin(async move { backend.run(Some(&location), sending).await })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        self.backend
            .run(Some(&self.location), self.inner.complete())
            .await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.backend
            .run(Some(&self.location), self.inner.abort())
            .await
    }
}
