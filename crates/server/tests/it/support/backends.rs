//! Databases and buckets for tests.

use std::process::Command;

use spaces_store::EmbeddedS3;
use tempfile::TempDir;

/// Where a test keeps its state and its snapshots. What it made is removed with it.
#[derive(Debug)]
pub(crate) struct Backends {
    /// Also the place for whatever else the test writes.
    pub(crate) dir: TempDir,
    /// The embedded server, if that is what the snapshots go to.
    pub(crate) s3: Option<EmbeddedS3>,
    schema: Option<Schema>,
    space: Vec<(&'static str, String)>,
}

impl Backends {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        if variable("SHOPSYNC_TEST_E2E").as_deref() == Some("services") {
            return Self {
                dir,
                s3: None,
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
            s3: Some(s3),
            schema: None,
            space,
        }
    }

    /// The variables that point a service here.
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

fn services_space() -> Vec<(&'static str, String)> {
    [
        ("SPACES_ENDPOINT", "ENDPOINT"),
        ("SPACES_REGION", "REGION"),
        ("SPACES_BUCKET", "BUCKET"),
        ("SPACES_ACCESS_KEY", "ACCESS_KEY"),
        ("SPACES_SECRET_KEY", "SECRET_KEY"),
    ]
    .map(|(name, suffix)| (name, required(&format!("SHOPSYNC_TEST_S3_{suffix}"))))
    .into()
}

fn required(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("SHOPSYNC_TEST_E2E=services needs {name}"))
}

#[expect(clippy::disallowed_methods, reason = "which services to test against")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A test's own schema in PostgreSQL. Made with `psql`: this crate knows no SQL driver.
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
        // A schema that stays behind harms no other test.
        let _ = self.psql(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}
