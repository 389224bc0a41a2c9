//! Tests the binary as people and scripts run it, in a clean environment and a folder of its own.

mod schema;
mod shop;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use spaces_store::EmbeddedS3;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const SHOPSYNC: &str = env!("CARGO_BIN_EXE_shopsync");

/// A folder to run the binary in, and its environment variables.
pub(crate) struct Sandbox {
    pub(crate) folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// What a run of the binary printed, and its exit code.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Sandbox {
    /// A sandbox without variables.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
        }
    }

    /// A sandbox with all required settings, whose services cannot be reached.
    fn unreachable() -> Self {
        let port = free_port();
        Self::empty()
            .with("SHOPIFY_API_KEY", "app")
            .with("SHOPIFY_API_SECRET", SECRET)
            .with("STATE_TOKEN_SECRET", "state-secret")
            .with(
                "SHOPIFY_REDIRECT_URI",
                format!("http://127.0.0.1:{port}/shopify/callback"),
            )
            .with(
                "SHOPIFY_WEBHOOK_ADDRESS",
                format!("http://127.0.0.1:{port}/shopify/webhook"),
            )
            .with(
                "SHOPIFY_ENDPOINT",
                format!("http://127.0.0.1:{port}/{{shop}}"),
            )
            .with("SPACES_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .with("SPACES_BUCKET", "space")
            .with("SPACES_ACCESS_KEY", "access-key-id")
            .with("SPACES_SECRET_KEY", "very-secret-key")
            .with("SPACES_REGION", "us-east-1")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SHOPSYNC);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the binary with this standard input.
    fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut command = self.command(arguments);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Fails if the command has ended without reading its input.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap().into()
    }
}

const SECRET: &str = "the-client-secret";

/// Returns a port on which nothing listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl CommandOutput {
    #[track_caller]
    fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts a failure that is reported on standard error with these words and without a secret.
    #[track_caller]
    fn assert_failure(&self, code: i32, words: &[&str]) {
        self.assert_code(code);
        let mut lines = self.stderr.lines();
        assert!(
            lines.any(|line| line.starts_with("shopsync: ")),
            "{self:#?}"
        );
        for word in words {
            assert!(self.stderr.contains(word), "{word} is missing: {self:#?}");
        }
        self.assert_no_secret();
    }

    #[track_caller]
    fn assert_no_secret(&self) {
        for secret in [SECRET, "very-secret-key", "state-secret", "access-key-id"] {
            assert!(
                !self.stdout.contains(secret) && !self.stderr.contains(secret),
                "{self:#?}"
            );
        }
    }
}

#[test]
fn the_help_of_every_command_has_examples() {
    let sandbox = Sandbox::empty();
    let all = sandbox.run(&["--help"]);
    all.assert_code(0);
    for word in [
        "Examples:",
        "Exit codes:",
        "halted",
        "shopsync sync my-shop --dry-run",
    ] {
        assert!(all.stdout.contains(word), "{word}");
    }
    for command in [
        "serve",
        "sync",
        "shops",
        "install-url",
        "connect",
        "doctor",
        "check-config",
        "migrate",
    ]
    .into_iter()
    .chain(HAS_DEMO.then_some("demo"))
    {
        assert!(all.stdout.contains(command), "{command}");
        let help = sandbox.run(&[command, "--help"]);
        help.assert_code(0);
        let example = format!("shopsync {command}");
        assert!(
            help.stdout.contains("Examples:") && help.stdout.contains(&example),
            "{help:#?}"
        );
    }
}

/// Whether the binary contains the demo.
const HAS_DEMO: bool = cfg!(feature = "demo");

#[test]
fn demo_is_in_the_help_or_says_that_the_build_does_not_contain_it() {
    let sandbox = Sandbox::empty();
    let help = sandbox.run(&["--help"]).stdout;
    assert_eq!(help.contains("demo"), HAS_DEMO, "{help}");
    let output = sandbox.run(&["demo", "--once", "--products", "0"]);
    output.assert_code(2);
    let absent = output.stderr.contains("does not contain the demo");
    assert_eq!(absent, !HAS_DEMO, "{output:#?}");
}

#[test]
fn a_missing_or_invalid_command_is_a_usage_error() {
    let sandbox = Sandbox::empty();
    for arguments in [
        &[][..],
        &["repair"],
        &["sync"],
        &["sync", "a.myshopify.com@evil.example"],
        &["sync", "a", "--dry-run", "--accept-deletions"],
        &["connect", "a", "--token", "shpat_x"],
    ] {
        let output = sandbox.run(arguments);
        output.assert_code(2);
        assert!(output.stdout.is_empty(), "{output:#?}");
    }
}

#[test]
fn all_missing_settings_are_listed_together() {
    let sandbox = Sandbox::empty();
    let all = [
        "SHOPIFY_API_KEY",
        "SHOPIFY_API_SECRET",
        "SPACES_ACCESS_KEY",
        "SPACES_BUCKET",
    ];
    sandbox
        .run(&["serve"])
        .assert_failure(2, &[&all[..], &["SHOPIFY_WEBHOOK_ADDRESS"]].concat());
    sandbox.run(&["sync", "a"]).assert_failure(2, &all);
    sandbox.run(&["connect", "a"]).assert_failure(2, &all);
    sandbox
        .run(&["shops"])
        .assert_failure(2, &["SHOPSYNC_ENCRYPTION_KEYS"]);
    sandbox
        .run(&["install-url", "a"])
        .assert_failure(2, &["SHOPIFY_REDIRECT_URI"]);
    // Nothing was attempted.
    assert!(!sandbox.path("shopsync.db").exists());
}

#[test]
fn an_invalid_settings_file_is_named_but_its_contents_are_not_printed() {
    let sandbox = Sandbox::unreachable();
    std::fs::write(
        sandbox.path("bad.toml"),
        "[spaces\nsecret_key = 'very-secret-key'",
    )
    .unwrap();
    std::fs::write(sandbox.path("unknown.toml"), "[spaces]\nbukket = 'x'").unwrap();
    std::fs::write(sandbox.path("type.toml"), "[server]\nhttp_workers = 'many'").unwrap();
    for (file, words) in [
        ("none.toml", ["none.toml", "No such file"]),
        ("bad.toml", ["bad.toml", "not valid TOML"]),
        ("unknown.toml", ["spaces.bukket", "unknown.toml"]),
        ("type.toml", ["server.http_workers", "integer"]),
    ] {
        for command in [&["shops"][..], &["check-config"], &["sync", "a"]] {
            let output = sandbox.run(&[&["--config", file], command].concat());
            output.assert_failure(2, &words);
        }
    }
}

#[test]
fn the_error_for_an_unknown_shop_explains_its_installation() {
    let sandbox = Sandbox::unreachable();
    for arguments in [&["sync", "nobody"][..], &["sync", "nobody", "--dry-run"]] {
        let output = sandbox.run(arguments);
        output.assert_failure(
            2,
            &[
                "nobody.myshopify.com is not installed",
                "install-url nobody",
            ],
        );
    }
}

#[test]
fn an_unreachable_database_exits_with_code_3() {
    let port = free_port();
    let url = format!("postgres://user:very-secret-key@127.0.0.1:{port}/x");
    let sandbox = Sandbox::unreachable().with("DATABASE_URL", url);
    for command in ["shops", "serve"] {
        sandbox
            .run(&[command])
            .assert_failure(3, &["DATABASE_URL", "next: "]);
    }
}

#[test]
fn the_error_of_a_taken_port_contains_its_number() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = Sandbox::unreachable()
        .with("PORT", &port)
        .with("SHOPSYNC__SERVER__ADDRESS", "127.0.0.1");
    sandbox.run(&["serve"]).assert_failure(1, &[&port, "PORT="]);
}

#[test]
fn the_install_url_belongs_to_the_service() {
    let sandbox = Sandbox::empty().with(
        "SHOPIFY_REDIRECT_URI",
        "https://sync.example/shopify/callback",
    );
    let output = sandbox.run(&["install-url", "My-Shop.myshopify.com"]);
    output.assert_code(0);
    assert_eq!(
        output.stdout,
        "https://sync.example/shopify/my-shop/login\n"
    );
}

#[test]
fn an_empty_list_of_shops_is_printed_as_text_and_as_json() {
    let sandbox = Sandbox::unreachable();
    sandbox.run(&["migrate"]).assert_code(0);
    let output = sandbox.run(&["shops"]);
    output.assert_code(0);
    assert!(output.stdout.contains("install-url"), "{output:#?}");
    let output = sandbox.run(&["shops", "--json"]);
    assert_eq!(output.assert_code(0).stdout, "[]\n");
}

#[test]
fn an_invalid_token_is_rejected_before_anything_is_attempted() {
    let sandbox = Sandbox::unreachable();
    sandbox
        .run_with_input(&["connect", "a"], "")
        .assert_failure(2, &["standard input"]);
    sandbox
        .run_with_input(&["connect", "a"], "two words")
        .assert_failure(2, &["standard input"]);
    let missing = sandbox.run(&["connect", "a", "--token-file", "none"]);
    missing.assert_failure(2, &["none", "No such file"]);
    assert!(!sandbox.path("shopsync.db").exists());
}

#[test]
fn doctor_reports_unreachable_services_and_continues() {
    let sandbox = Sandbox::unreachable().with("SPACES_REGION", "us-east-1");
    let output = sandbox.run(&["doctor"]);
    output.assert_code(1);
    output.assert_no_secret();
    for (status, subject) in [
        ("ok", "settings"),
        ("warn", "encryption keys"),
        ("warn", "database"),
        ("fail", "space"),
        ("fail", "shopify"),
        ("warn", "webhook address"),
        ("skip", "shops"),
    ] {
        let line = format!("{status:4}  {subject}");
        assert!(
            output.stdout.contains(&line),
            "{line} is missing: {output:#?}"
        );
    }
    assert!(output.stdout.contains("do: "), "{output:#?}");
}

#[test]
fn doctor_skips_checks_whose_settings_are_missing() {
    let sandbox = Sandbox::empty();
    let output = sandbox.run(&["doctor", "a", "--json"]);
    output.assert_code(1);
    let json: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(json["ok"], false);
    let findings = json["findings"].as_array().unwrap();
    let has = |status: &str, subject: &str, word: &str| {
        findings.iter().any(|finding| {
            finding["status"] == status
                && finding["subject"] == subject
                && finding["detail"].as_str().unwrap().contains(word)
        })
    };
    assert!(
        has("fail", "settings", "spaces.bucket is not set"),
        "{json:#}"
    );
    assert!(has("skip", "database", "secret"), "{json:#}");
    assert!(has("skip", "space", "keys"), "{json:#}");

    let broken = Sandbox::empty().with("PORT", "many");
    let output = broken.run(&["doctor"]);
    output.assert_code(1);
    assert!(output.stdout.contains("fail  settings"), "{output:#?}");
}

#[test]
fn doctor_distinguishes_a_missing_bucket_from_wrong_keys() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("s3");
    let s3 = EmbeddedS3::start(&files, "access-key-id", "very-secret-key", "space");
    let s3 = runtime.block_on(s3).unwrap();
    let doctor = |name: &str, value: &str| {
        Sandbox::unreachable()
            .with("SPACES_ENDPOINT", s3.endpoint().to_string())
            .with(name, value)
            .run(&["doctor"])
    };
    let good = doctor("SPACES_BUCKET", "space");
    assert!(good.stdout.contains("ok    space"), "{good:#?}");
    let missing = doctor("SPACES_BUCKET", "elsewhere");
    assert!(
        missing.stdout.contains("there is no bucket `elsewhere`"),
        "{missing:#?}"
    );
    let wrong = doctor("SPACES_SECRET_KEY", "another");
    assert!(wrong.stdout.contains("control panel"), "{wrong:#?}");
    // The test object is deleted.
    let left = std::fs::read_dir(folder.path().join("s3/space")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
    assert!(left.iter().all(|path| is_empty(path)), "{left:?}");
}

/// Whether the folder and its subfolders contain no file.
fn is_empty(path: &Path) -> bool {
    path.is_dir()
        && std::fs::read_dir(path)
            .unwrap()
            .all(|entry| is_empty(&entry.unwrap().path()))
}

#[test]
fn check_config_prints_no_secret() {
    let sandbox = Sandbox::unreachable();
    for arguments in [&["check-config"][..], &["check-config", "--json"]] {
        let output = sandbox.run(arguments);
        output.assert_code(0);
        output.assert_no_secret();
        assert!(output.stdout.contains("(set, not shown)"), "{output:#?}");
    }
}

#[test]
fn doctor_reports_why_the_database_server_cannot_be_reached() {
    let port = free_port();
    let url = format!("postgres://user:very-secret-key@127.0.0.1:{port}/x");
    let output = Sandbox::unreachable()
        .with("DATABASE_URL", url)
        .run(&["doctor"]);
    output.assert_code(1);
    output.assert_no_secret();
    let line = format!("no connection to 127.0.0.1:{port}: Connection refused");
    assert!(output.stdout.contains(&line), "{output:#?}");
}

#[test]
fn a_signal_stops_the_service_gracefully() {
    let sandbox = Sandbox::unreachable()
        .with("PORT", "0")
        .with("SHOPSYNC__SERVER__ADDRESS", "127.0.0.1");
    for signal in ["-TERM", "-INT"] {
        let mut command = sandbox.command(&["serve"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listens = lines.find(|line| line.as_ref().unwrap().contains("Listening on"));
        assert!(listens.is_some());
        let id = child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:#?}");
        assert!(rest.last().unwrap().contains("Stopped"), "{rest:#?}");
    }
}
