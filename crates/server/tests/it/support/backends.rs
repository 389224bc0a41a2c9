//! Provides a database and a bucket for each test.

use std::collections::BTreeMap;
use std::process::Command;

use spaces_store::EmbeddedS3;
use tempfile::TempDir;

/// The SHA-256 of an empty body.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The database and the bucket of a test, deleted with it.
#[derive(Debug)]
pub(crate) struct Backends {
    /// The folder for all files of the test.
    pub(crate) dir: TempDir,
    /// Keeps the embedded S3 server running, if it is used.
    _embedded: Option<EmbeddedS3>,
    schema: Option<Schema>,
    space: Vec<(&'static str, String)>,
}

impl Backends {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        if variable("SHOPSYNC_TEST_E2E").as_deref() == Some("services") {
            return Self {
                dir,
                _embedded: None,
                schema: Some(Schema::make()),
                space: services_space(),
            };
        }
        let s3 =
            EmbeddedS3::start(&dir.path().join("s3"), "test-key", "test-secret", "space").await;
        let s3 = s3.unwrap();
        let space = vec![
            ("SPACES_ENDPOINT", s3.endpoint().to_string()),
            ("SPACES_BUCKET", "space".to_owned()),
            ("SPACES_ACCESS_KEY", "test-key".to_owned()),
            ("SPACES_SECRET_KEY", "test-secret".to_owned()),
        ];
        Self {
            dir,
            _embedded: Some(s3),
            schema: None,
            space,
        }
    }

    /// The variables that configure a service for these backends.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let database = match &self.schema {
            Some(schema) => schema.url(),
            None => format!("sqlite:{}", self.dir.path().join("state.db").display()),
        };
        let space = self.space.iter();
        space
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .chain([("DATABASE_URL".to_owned(), database)])
            .collect()
    }
}

impl Backends {
    /// All bytes of the database as stored.
    pub(crate) fn raw_state(&self, variables: &BTreeMap<String, String>) -> Vec<u8> {
        if let Some(schema) = &self.schema {
            let dump = Command::new("pg_dump")
                .args([&schema.server, "--schema", &schema.name])
                .output();
            let dump = String::from_utf8(dump.unwrap().stdout).unwrap();
            // `\restrict` and `\unrestrict` contain a random key.
            let lines = dump.lines().filter(|line| !line.contains("restrict "));
            return lines.collect::<Vec<_>>().join("\n").into_bytes();
        }
        let url = &variables["DATABASE_URL"];
        let file = url.strip_prefix("sqlite:").unwrap();
        let files = ["", "-wal"].map(|suffix| std::fs::read(format!("{file}{suffix}")));
        files.into_iter().flatten().flatten().collect()
    }
}

impl Backends {
    /// The names of all files beside the SQLite database.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = files
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Executes a statement in the database, with `sqlite3` or `psql`: this crate has no SQL driver.
    pub(crate) fn execute(&self, statement: &str) {
        if let Some(schema) = &self.schema {
            let statement = format!("SET search_path TO {}; {statement}", schema.name);
            assert!(schema.psql(&statement), "{statement}");
            return;
        }
        let file = self.dir.path().join("state.db");
        let executed = Command::new("sqlite3").arg(file).arg(statement).status();
        let executed = executed.expect("scripts/install installs sqlite3");
        assert!(executed.success(), "{statement}");
    }
}

/// Creates a bucket for the test on the given server, with `curl`: this crate makes no S3 requests. The bucket is not
/// deleted; the server is discarded after the tests.
fn services_space() -> Vec<(&'static str, String)> {
    let given = |suffix| required(&format!("SHOPSYNC_TEST_S3_{suffix}"));
    let (endpoint, region) = (given("ENDPOINT"), given("REGION"));
    let (access_key, secret_key) = (given("ACCESS_KEY"), given("SECRET_KEY"));
    let bucket = format!("e2e-{}", uuid::Uuid::new_v4().simple());
    let made = Command::new("curl")
        .args(["-sf", "-o", "/dev/null", "-X", "PUT", "--aws-sigv4"])
        .arg(format!("aws:amz:{region}:s3"))
        .args(["--user", &format!("{access_key}:{secret_key}"), "-H"])
        // curl signs for S3 only if the hash of the payload is given.
        .arg(format!("x-amz-content-sha256: {EMPTY_SHA256}"))
        .arg(format!("{endpoint}/{bucket}"))
        .status();
    assert!(made.is_ok_and(|status| status.success()), "no bucket");
    vec![
        ("SPACES_ENDPOINT", endpoint),
        ("SPACES_REGION", region),
        ("SPACES_BUCKET", bucket),
        ("SPACES_ACCESS_KEY", access_key),
        ("SPACES_SECRET_KEY", secret_key),
        ("SHOPSYNC__SPACES__ADDRESSING", "path".to_owned()),
    ]
}

fn required(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("SHOPSYNC_TEST_E2E=services needs {name}"))
}

#[expect(clippy::disallowed_methods, reason = "which services to test against")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A schema in PostgreSQL for one test, created with `psql`: this crate has no SQL driver.
#[derive(Debug)]
struct Schema {
    server: String,
    name: String,
}

impl Schema {
    fn make() -> Self {
        let server = required("SHOPSYNC_TEST_DATABASE_URL");
        let name = format!("e2e_{}", uuid::Uuid::new_v4().simple());
        let schema = Self { server, name };
        assert!(schema.psql(&format!("CREATE SCHEMA {}", schema.name)));
        schema
    }

    fn psql(&self, statement: &str) -> bool {
        let psql = Command::new("psql")
            .args([&self.server, "-q", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .status();
        psql.is_ok_and(|status| status.success())
    }

    fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        let (server, name) = (&self.server, &self.name);
        format!("{server}{separator}options=-c%20search_path%3D{name}")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A schema that is left behind affects no other test.
        let _ = self.psql(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}
