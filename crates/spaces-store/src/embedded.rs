//! Runs an S3 server inside the process, for demonstrations and tests.
//!
//! Built on `s3s` and `s3s-fs`: objects are files below a folder; signatures and clocks are checked. Differences from
//! Ceph: conditional writes are not atomic, a key cannot be below another key, and a body that does not match its signed
//! hash gets a 500 response.

mod fault;
mod log;

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

pub use self::fault::{Effect, Fault};
pub use self::log::LoggedRequest;
use crate::config::SpacesConfig;
use crate::error::{Error, Result};

/// A running server on `127.0.0.1`. Dropping it stops it immediately; objects stay in its folder.
#[derive(Debug)]
pub struct EmbeddedS3 {
    endpoint: Url,
    bucket: String,
    access_key: SecretString,
    secret_key: SecretString,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    bucket: String,
    log: log::RequestLog,
    faults: fault::Faults,
}

/// The region of [`EmbeddedS3::config`]. Signatures for other regions are accepted too.
const REGION: &str = "us-east-1";

impl EmbeddedS3 {
    /// Starts a server for `dir` on a free port, with one pair of keys and one bucket.
    ///
    /// # Errors
    /// If the folder cannot be created or no port is free.
    pub async fn start(
        dir: &Path,
        access_key: impl Into<SecretString>,
        secret_key: impl Into<SecretString>,
        bucket: &str,
    ) -> Result<Self> {
        let (access_key, secret_key) = (access_key.into(), secret_key.into());
        let failed = |error: io::Error| Error::Backend(Box::new(error));
        std::fs::create_dir_all(dir.join(bucket)).map_err(failed)?;
        let files = FileSystem::new(dir)
            .map_err(|_| Error::Backend("the folder cannot be served".into()))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SingleKeyAuth {
            access_key: access_key.expose_secret().to_owned(),
            secret_key: secret_key.expose_secret().into(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let endpoint = Url::parse(&format!("http://{address}"))
            .map_err(|error| Error::Backend(Box::new(error)))?;
        let shared = Arc::new(Shared {
            bucket: bucket.to_owned(),
            ..Shared::default()
        });
        let accepting = tokio::spawn(accept(listener, builder.build(), Arc::clone(&shared)));
        Ok(Self {
            endpoint,
            bucket: bucket.to_owned(),
            access_key,
            secret_key,
            shared,
            accepting,
        })
    }

    /// The server's URL, such as `http://127.0.0.1:40123/`.
    pub const fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// Client settings for the server's bucket.
    pub fn config(&self) -> SpacesConfig {
        SpacesConfig::new(
            self.endpoint.clone(),
            REGION,
            &self.bucket,
            self.access_key.clone(),
            self.secret_key.clone(),
        )
    }

    /// All requests so far, in the order of their responses.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log.all()
    }

    /// The number of requests with `method` so far.
    pub fn count(&self, method: &http::Method) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|request| request.method == *method)
            .count()
    }

    /// Clears the list of requests.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Injects `fault` into the requests that match it from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Stops the server immediately and closes its connections.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        // The result is either "cancelled" or "finished"; both are fine.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for EmbeddedS3 {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, s3: S3Service, shared: Arc<Shared>) {
    // Dropping this future drops the set, which aborts its tasks.
    let mut connections = JoinSet::new();
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                ::log::warn!(
                    "The embedded S3 server could not accept a connection: {error}; waiting for the next one"
                );
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let (s3, shared) = (s3.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let service =
                service_fn(move |request| serve(s3.clone(), Arc::clone(&shared), request));
            let server = Builder::new(TokioExecutor::new());
            // Connection errors are expected: faults reset connections, and clients close them.
            let _ = server.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

/// Handles one request. An error closes the connection without a response.
async fn serve(
    s3: S3Service,
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> io::Result<Response<s3s::Body>> {
    let mut entry = LoggedRequest::of(&request);
    let response = match shared.faults.take(&entry) {
        // `s3s-fs` would create a folder for any bucket in a request.
        None if !shared.serves(&entry.path) => fault::error_response(404, "NoSuchBucket", None),
        None => respond(&s3, request).await,
        Some(effect) => effect.apply(request, |request| respond(&s3, request)).await,
    };
    entry.status = response
        .as_ref()
        .ok()
        .map(|response| response.status().as_u16());
    shared.log.push(entry);
    response
}

impl Shared {
    /// Whether `path` is the bucket, an object in it, or the list of buckets.
    fn serves(&self, path: &str) -> bool {
        let bucket = path.trim_start_matches('/').split('/').next();
        bucket.is_none_or(|bucket| bucket.is_empty() || bucket == self.bucket)
    }
}

/// Authenticates one access key. (`SimpleAuth` returns `NotSignedUp` for others, which S3 servers do not.)
struct SingleKeyAuth {
    access_key: String,
    secret_key: SecretKey,
}

#[async_trait]
impl S3Auth for SingleKeyAuth {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            Ok(self.secret_key.clone())
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}

async fn respond(s3: &S3Service, request: Request<Incoming>) -> io::Result<Response<s3s::Body>> {
    Service::call(s3, request)
        .await
        .map_err(|error| io::Error::other(format!("{error:?}")))
}
