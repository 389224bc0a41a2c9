//! Provides an empty bucket to each test, for each combination of server and backend.

use std::sync::Arc;

use object_store::ObjectStore;
use spaces_store::{AwsBackend, EmbeddedS3, SpacesBackend, SpacesConfig};
use url::Url;

/// The backend under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Rusoto,
    Aws,
}

/// The S3 server to test against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Embedded,
    Ceph,
    CephTls,
}

/// An empty bucket with a store on it.
#[derive(Debug)]
pub(crate) struct TestBucket {
    pub(crate) config: SpacesConfig,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) embedded: Option<(EmbeddedS3, tempfile::TempDir)>,
}

impl TestBucket {
    /// An empty bucket that no other test uses; `None` if the server is not available.
    pub(crate) async fn new(backend: Backend, server: Server, test: &str) -> Option<Self> {
        let (config, embedded) = match server {
            Server::Embedded => {
                let dir = tempfile::tempdir().unwrap();
                let server = EmbeddedS3::start(dir.path(), "key", "secret", "shops")
                    .await
                    .unwrap();
                (server.config(), Some((server, dir)))
            }
            Server::Ceph | Server::CephTls => {
                let mut config = ceph(server)?;
                config.bucket = bucket_name(backend, server, test);
                SpacesBackend::new(&config)
                    .unwrap()
                    .create_bucket()
                    .await
                    .unwrap();
                (config, None)
            }
        };
        let store = open(backend, &config);
        clear(store.as_ref()).await;
        Some(Self {
            config,
            store,
            embedded,
        })
    }

    pub(crate) fn server(&self) -> &EmbeddedS3 {
        &self.embedded.as_ref().unwrap().0
    }
}

pub(crate) fn open(backend: Backend, config: &SpacesConfig) -> Arc<dyn ObjectStore> {
    match backend {
        Backend::Rusoto => Arc::new(SpacesBackend::new(config).unwrap()),
        Backend::Aws => Arc::new(AwsBackend::new(config).unwrap()),
    }
}

async fn clear(store: &dyn ObjectStore) {
    use futures::{StreamExt, TryStreamExt};
    let found = store.list(None).map_ok(|object| object.location).boxed();
    let _: Vec<_> = store.delete_stream(found).try_collect().await.unwrap();
}

/// The bucket's name: the same in each run, so that a long-lived server does not accumulate buckets.
fn bucket_name(backend: Backend, server: Server, test: &str) -> String {
    let name = format!("it-{backend:?}-{server:?}-{test}").to_lowercase();
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    assert!(name.len() <= 63, "{name}");
    name
}

/// The gateway in the variables that `scripts/rgw.sh up DIR` prints.
fn ceph(server: Server) -> Option<SpacesConfig> {
    let endpoint = match server {
        Server::CephTls => setting("ENDPOINT_TLS"),
        _ => setting("ENDPOINT"),
    };
    let Some(endpoint) = endpoint else {
        skip();
        return None;
    };
    let required =
        |name| setting(name).unwrap_or_else(|| panic!("SHOPSYNC_TEST_S3_{name} is missing"));
    let mut config = SpacesConfig::new(
        Url::parse(&endpoint).unwrap(),
        required("REGION"),
        required("BUCKET"),
        required("ACCESS_KEY"),
        required("SECRET_KEY"),
    );
    if server == Server::CephTls {
        config.root_certificate_pem = Some(std::fs::read(required("CA_FILE")).unwrap());
    }
    Some(config)
}

#[expect(clippy::disallowed_methods, reason = "test settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn setting(name: &str) -> Option<String> {
    variable(&format!("SHOPSYNC_TEST_S3_{name}"))
}

/// Prints that a test was skipped, and why.
#[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
pub(crate) fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

fn skip() {
    let advice = r#"run `eval "$(scripts/rgw.sh up DIR)"` first"#;
    assert!(
        variable("SHOPSYNC_TEST_REQUIRE").as_deref() != Some("1"),
        "SHOPSYNC_TEST_S3_ENDPOINT is not set, but SHOPSYNC_TEST_REQUIRE=1; {advice}"
    );
    skipped(&format!("no Ceph; {advice}"));
}
