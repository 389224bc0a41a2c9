//! Tests what each command does with a database whose schema is missing, older or newer than the binary.

use crate::support::backends::Backends;

use super::{CommandOutput, Sandbox};

/// Commands that use the database and must not change it.
const READERS: [&[&str]; 6] = [
    &["shops"],
    &["sync", "a", "--dry-run"],
    &["sync", "a", "--no-migrate"],
    &["connect", "a", "--client-credentials", "--no-migrate"],
    &["serve", "--no-migrate"],
    &["shops", "--json"],
];

/// The binary with all required settings and a database.
struct SchemaSandbox {
    sandbox: Sandbox,
    backends: Backends,
}

impl SchemaSandbox {
    async fn new() -> Self {
        let backends = Backends::new().await;
        let mut sandbox = Sandbox::unreachable()
            .with("PORT", "0")
            .with("SHOPSYNC__SERVER__ADDRESS", "127.0.0.1");
        for (name, value) in backends.variables() {
            if name == "DATABASE_URL" {
                sandbox = sandbox.with(&name, value);
            }
        }
        Self { sandbox, backends }
    }

    /// A sandbox whose database has the current schema.
    async fn migrated() -> Self {
        let setup = Self::new().await;
        let output = setup.sandbox.run(&["migrate"]);
        output.assert_code(0).assert_no_secret();
        assert_eq!(output.stdout, "created the schema of the database\n");
        setup
    }

    /// Runs a command, and asserts that it leaves the database's bytes and files as they were.
    #[track_caller]
    fn run_reader(&self, arguments: &[&str]) -> CommandOutput {
        let before = self.backends.raw_state(&self.sandbox.variables);
        let files = self.backends.files();
        let output = self.sandbox.run(arguments);
        let after = self.backends.raw_state(&self.sandbox.variables);
        assert!(before == after, "the database changed: {output:#?}");
        assert_eq!(files, self.backends.files(), "{output:#?}");
        output
    }

    /// Asserts that every reader fails with these words, and that `doctor` reports them.
    #[track_caller]
    fn assert_refused(&self, doctor_status: &str, words: &[&str]) {
        for arguments in READERS {
            let output = self.run_reader(arguments);
            output.assert_failure(2, &[&["DATABASE_URL"], words].concat());
            assert!(output.stdout.is_empty(), "{output:#?}");
        }
        let diagnosed = self.run_reader(&["doctor"]);
        diagnosed.assert_code(1);
        let line = format!("{doctor_status}  database");
        for word in [&[line.as_str(), "skip  shops"], words].concat() {
            assert!(diagnosed.stdout.contains(word), "{word}: {diagnosed:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_reported_and_not_created() {
    let setup = SchemaSandbox::new().await;
    setup.assert_refused("warn", &["shopsync migrate", "shopsync serve"]);
    for arguments in [&["check-config"][..], &["install-url", "a"]] {
        setup.run_reader(arguments).assert_code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_is_reported_and_not_migrated() {
    let setup = SchemaSandbox::migrated().await;
    let forget = "DELETE FROM _sqlx_migrations WHERE version > 1";
    setup.backends.execute(forget);
    let words = ["is older (version 1) than this binary", "shopsync migrate"];
    setup.assert_refused("fail", &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_reported_and_not_used() {
    let setup = SchemaSandbox::migrated().await;
    setup.backends.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9999, description, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    );
    let words = [
        "is older than the schema of the database (version 9999)",
        "or a newer one",
    ];
    setup.assert_refused("fail", &words);
    for arguments in [&["migrate"][..], &["serve"], &["sync", "a"]] {
        let output = setup.run_reader(arguments);
        output.assert_failure(2, &words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_again_changes_nothing() {
    let setup = SchemaSandbox::migrated().await;
    let again = setup.run_reader(&["migrate"]);
    again.assert_code(0);
    assert_eq!(again.stdout, "the schema of the database is up to date\n");
    // With the current schema every reader works, and still changes nothing.
    assert_eq!(setup.run_reader(&["shops", "--json"]).stdout, "[]\n");
    let diagnosed = setup.run_reader(&["doctor"]);
    assert!(
        diagnosed.stdout.contains("ok    database"),
        "{diagnosed:#?}"
    );
    let not_installed = setup.run_reader(&["sync", "nobody", "--dry-run"]);
    not_installed.assert_failure(2, &["nobody.myshopify.com is not installed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_refuses_like_the_argument() {
    let setup = SchemaSandbox::new().await;
    let sandbox = setup.sandbox.with("SHOPSYNC__DATABASE__MIGRATE", "false");
    sandbox
        .run(&["sync", "a"])
        .assert_failure(2, &["shopsync migrate"]);
    sandbox.run(&["migrate"]).assert_code(0);
    sandbox
        .run(&["sync", "a"])
        .assert_failure(2, &["a.myshopify.com is not installed"]);
}
