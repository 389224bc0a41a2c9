//! Tests the commands that work on a shop, with a simulated shop beside the binary.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use server::adapters::SystemClock;
use server::service::open_database;
use server::settings::{Environment, Settings};
use shopify_sim::{CatalogSpec, Fault, FaultKind, FaultTarget, ShopControl, SimApp, Simulator};
use spaces_store::EmbeddedS3;
use sync_core::ports::{Clock, Inbox, RunLog};
use sync_core::{
    ClaimOutcome, Outcome, RunReport, ShopDomain, Trigger, WorkKind, WorkOutcome, WorkRequest,
};
use tokio::runtime::Runtime;

use super::{CommandOutput, SECRET, Sandbox, free_port};

const SCOPES: [&str; 4] = [
    "read_products",
    "read_inventory",
    "read_locations",
    "read_discounts",
];

/// A simulated shop, a Space, and the binary with settings for both.
struct ShopSandbox {
    sandbox: Sandbox,
    shop: ShopControl,
    s3: EmbeddedS3,
    // The simulator and the S3 server run on it.
    runtime: Runtime,
    _simulator: Simulator,
}

impl ShopSandbox {
    fn with_products(products: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = Sandbox::unreachable();
        let app = SimApp {
            api_key: "app".to_owned(),
            api_secret: SECRET.to_owned(),
            redirect_uris: Vec::new(),
            scopes: SCOPES.map(str::to_owned).into(),
        };
        let catalog = CatalogSpec {
            products,
            ..CatalogSpec::default()
        };
        let simulator = Simulator::builder()
            .seed(1)
            .shop("a", catalog)
            .app(app)
            .start();
        let simulator = runtime.block_on(simulator).unwrap();
        let files = sandbox.path("s3");
        let s3 = EmbeddedS3::start(&files, "access-key-id", "very-secret-key", "space");
        let s3 = runtime.block_on(s3).unwrap();
        // An absolute path: the test opens the database from another folder.
        let database = format!("sqlite:{}", sandbox.path("shopsync.db").display());
        let sandbox = sandbox
            .with("DATABASE_URL", database)
            .with("SHOPIFY_ENDPOINT", simulator.endpoint())
            .with("SPACES_ENDPOINT", s3.endpoint().to_string());
        Self {
            shop: simulator.control("a").unwrap(),
            sandbox,
            s3,
            runtime,
            _simulator: simulator,
        }
    }

    /// A sandbox whose shop is connected with an access token.
    fn connected(products: usize) -> Self {
        let setup = Self::with_products(products);
        let output = setup.connect(&SCOPES);
        assert_eq!(output.code, Some(0), "{output:#?}");
        assert!(
            output.stdout.starts_with("connected a.myshopify.com\n"),
            "{output:#?}"
        );
        setup
    }

    fn connect(&self, scopes: &[&str]) -> CommandOutput {
        let token = self.shop.issue_token(scopes.iter().copied());
        let output = self.sandbox.run_with_input(&["connect", "a"], &token);
        assert!(
            !output.stdout.contains(&token) && !output.stderr.contains(&token),
            "{output:#?}"
        );
        output
    }

    /// The number of PUT requests to the S3 server.
    fn puts(&self) -> usize {
        self.s3.count(&"PUT".parse().unwrap())
    }

    /// Changes the price of one product, without a webhook.
    fn change_a_price(&self) {
        let product = self.shop.product_ids()[0];
        self.shop
            .without_webhooks()
            .set_price(product, None, "9999.00")
            .unwrap();
    }

    /// The settings of the binary, to open its database.
    fn settings(&self) -> Settings {
        let variables = self.sandbox.variables.iter();
        let environment =
            Environment::from_pairs(variables.map(|(name, value)| (name.as_str(), value.as_str())));
        let loaded = Settings::from_layers(None, &Environment::default(), &environment);
        loaded.unwrap().settings
    }
}

#[test]
fn sync_prints_uploaded_and_then_unchanged() {
    let setup = ShopSandbox::connected(12);
    let first = setup.sandbox.run(&["sync", "a"]);
    first.assert_code(0).assert_no_secret();
    assert!(
        first
            .stdout
            .starts_with("uploaded a.myshopify.com/shopify_data.json: "),
        "{first:#?}"
    );
    for word in ["12 products (12 new)", "1 PUT,", "points", "generation "] {
        assert!(first.stdout.contains(word), "{word} is missing: {first:#?}");
    }
    assert!(first.stderr.contains("read 12 products"), "{first:#?}");
    assert_eq!(setup.puts(), 1);

    setup.shop.shuffle(3);
    let second = setup.sandbox.run(&["sync", "A.myshopify.com"]);
    second.assert_code(0);
    assert!(
        second
            .stdout
            .starts_with("unchanged a.myshopify.com/shopify_data.json"),
        "{second:#?}"
    );
    assert!(second.stdout.contains("0 PUTs"), "{second:#?}");
    assert_eq!(setup.puts(), 1);

    setup.change_a_price();
    let third = setup.sandbox.run(&["sync", "a", "--json"]);
    third.assert_code(0);
    let json: serde_json::Value = serde_json::from_str(&third.stdout).unwrap();
    assert_eq!(json["outcome"], "published");
    assert_eq!(json["items"]["product"]["changed"], 1);
    assert_eq!(json["cost"]["puts"], 1);
    assert!(json["cost"]["points"].as_f64().unwrap() > 0.0, "{json:#}");
    assert!(third.stderr.is_empty(), "{third:#?}");
}

#[test]
fn a_dry_run_prints_what_would_change_and_writes_nothing() {
    let setup = ShopSandbox::connected(5);
    setup.sandbox.run(&["sync", "a"]).assert_code(0);
    let same = setup.sandbox.run(&["sync", "a", "--dry-run"]);
    assert!(same.stdout.starts_with("unchanged "), "{same:#?}");
    setup.change_a_price();
    let planned = setup.sandbox.run(&["sync", "a", "--dry-run"]);
    planned.assert_code(0);
    assert!(
        planned.stdout.contains("1 item differs in the shop"),
        "{planned:#?}"
    );
    assert!(
        planned.stdout.contains("5 products (1 changed)"),
        "{planned:#?}"
    );
    assert_eq!(setup.puts(), 1);
    let synced = setup.sandbox.run(&["sync", "a"]);
    assert!(
        synced.stdout.contains("5 products (1 changed)"),
        "{synced:#?}"
    );
    assert_eq!(setup.puts(), 2);
}

#[test]
fn a_mass_disappearance_halts_the_sync_until_it_is_accepted() {
    let setup = ShopSandbox::connected(30);
    setup.sandbox.run(&["sync", "a"]).assert_code(0);
    for product in setup.shop.product_ids().into_iter().take(20) {
        setup
            .shop
            .without_webhooks()
            .delete_product(product)
            .unwrap();
    }
    let halted = setup.sandbox.run(&["sync", "a"]);
    halted.assert_failure(4, &["20 of 30", "sync a --accept-deletions"]);
    assert_eq!(setup.puts(), 1);
    let listed = setup.sandbox.run(&["shops"]);
    assert!(
        listed.stdout.contains("halted") && listed.stdout.contains("--accept-deletions"),
        "{listed:#?}"
    );
    let accepted = setup.sandbox.run(&["sync", "a", "--accept-deletions"]);
    accepted.assert_code(0);
    assert!(accepted.stdout.contains("20 deleted"), "{accepted:#?}");
}

#[test]
fn every_command_reports_a_revoked_token() {
    let setup = ShopSandbox::connected(3);
    setup.sandbox.run(&["sync", "a"]).assert_code(0);
    setup.shop.revoke_tokens();
    setup
        .sandbox
        .run(&["sync", "a"])
        .assert_failure(1, &["doctor a"]);
    let listed = setup.sandbox.run(&["shops", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(json[0]["state"], "unauthorized");
    let diagnosed = setup.sandbox.run(&["doctor", "a"]);
    diagnosed.assert_code(1);
    assert!(
        diagnosed.stdout.contains("fail  a: token"),
        "{diagnosed:#?}"
    );
    assert!(diagnosed.stdout.contains("install-url a"), "{diagnosed:#?}");
    // A new token of the same shop fixes it.
    assert_eq!(setup.connect(&SCOPES).code, Some(0));
    setup.sandbox.run(&["sync", "a"]).assert_code(0);
}

#[test]
fn a_token_without_the_required_scopes_is_not_stored() {
    let setup = ShopSandbox::with_products(3);
    let output = setup.connect(&["read_products", "read_inventory"]);
    output.assert_failure(1, &["read_locations, read_discounts", "nothing was stored"]);
    assert_eq!(setup.sandbox.run(&["shops", "--json"]).stdout, "[]\n");
    let wrong = setup
        .sandbox
        .run_with_input(&["connect", "a"], "shpat_wrong");
    wrong.assert_failure(1, &["rejected the access token"]);
    assert_eq!(setup.sandbox.run(&["shops", "--json"]).stdout, "[]\n");
}

#[test]
fn an_unreachable_space_exits_with_code_3() {
    let setup = ShopSandbox::connected(3);
    setup.sandbox.run(&["sync", "a"]).assert_code(0);
    setup.change_a_price();
    let down = format!("http://127.0.0.1:{}", free_port());
    let sandbox = setup
        .sandbox
        .with("SPACES_ENDPOINT", down)
        .with("SHOPSYNC__SPACES__MAX_RETRIES", "0");
    let failed = sandbox.run(&["sync", "a"]);
    failed.assert_failure(3, &["the old snapshot stays", "doctor a"]);
    assert!(
        failed.stdout.starts_with("failed a.myshopify.com: "),
        "{failed:#?}"
    );
}

#[test]
fn connect_by_client_credentials_needs_no_token() {
    let setup = ShopSandbox::with_products(3);
    let output = setup.sandbox.run(&[
        "connect",
        "a",
        "--client-credentials",
        "--no-sync",
        "--json",
    ]);
    output.assert_code(0).assert_no_secret();
    let json: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        (&json["shop"], &json["scan"]),
        (&"a.myshopify.com".into(), &false.into())
    );
    assert_eq!(json["webhooks"]["subscribed"], 27);
    let synced = setup.sandbox.run(&["sync", "a"]);
    assert!(synced.stdout.starts_with("uploaded "), "{synced:#?}");
}

#[test]
fn doctor_reports_missing_webhooks_and_a_changed_snapshot() {
    let setup = ShopSandbox::connected(3);
    setup.sandbox.run(&["sync", "a"]).assert_code(0);
    let good = setup.sandbox.run(&["doctor", "a"]);
    for line in [
        "ok    shopify",
        "ok    a: token",
        "ok    a: webhooks",
        "ok    a: runs",
        "ok    a: snapshot",
    ] {
        assert!(good.stdout.contains(line), "{line} is missing: {good:#?}");
    }
    let document = setup
        .sandbox
        .path("s3/space/a.myshopify.com/shopify_data.json");
    std::fs::write(document, "{}").unwrap();
    let elsewhere = "http://127.0.0.1:9/shopify/webhook";
    let moved = setup.sandbox.with("SHOPIFY_WEBHOOK_ADDRESS", elsewhere);
    let bad = moved.run(&["doctor", "a"]);
    bad.assert_code(1);
    for line in ["fail  a: webhooks", "fail  a: snapshot"] {
        assert!(bad.stdout.contains(line), "{line} is missing: {bad:#?}");
    }
}

#[test]
fn sync_waits_for_the_process_that_holds_the_lease() {
    let setup = ShopSandbox::connected(3);
    let shop: ShopDomain = "a.myshopify.com".parse().unwrap();
    let settings = setup.settings();
    let (database, lease, run) = setup.runtime.block_on(async {
        let database = open_database(&settings).await.unwrap();
        let now = SystemClock.now();
        database
            .request(&shop, &WorkRequest::full(Trigger::Poll), now)
            .await
            .unwrap();
        let until = now + chrono::TimeDelta::hours(1);
        let ClaimOutcome::Claimed(claim) = database.claim(Some(&shop), now, until).await.unwrap()
        else {
            panic!("no other process should hold the shop");
        };
        let run = database
            .start(&shop, Trigger::Poll, true, now)
            .await
            .unwrap();
        (database, claim.lease, run)
    });
    let mut command = setup.sandbox.command(&["sync", "a"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = err.find(|line| {
        line.as_ref()
            .unwrap()
            .contains("another process is running a scan of")
    });
    assert!(
        waits
            .unwrap()
            .unwrap()
            .contains(&format!("run {run} (poll)"))
    );
    setup.runtime.block_on(async {
        let report = RunReport {
            outcome: Outcome::Unchanged,
            counts: std::collections::BTreeMap::new(),
        };
        database
            .finish(run, &report, SystemClock.now())
            .await
            .unwrap();
        let done = WorkKind::ALL.map(|kind| (kind, WorkOutcome::Done));
        database.release(&lease, &done).await.unwrap();
    });
    // The scan was requested after that run began, so another run performs it.
    let output = CommandOutput::from(child.wait_with_output().unwrap());
    output.assert_code(0);
    assert!(output.stdout.starts_with("uploaded "), "{output:#?}");
}

#[test]
fn an_interrupted_sync_ends_immediately_and_the_next_one_succeeds() {
    let setup = ShopSandbox::connected(3);
    setup
        .shop
        .inject_fault(Fault::new(FaultKind::Hang))
        .unwrap();
    let sandbox = setup.sandbox.with("RUST_LOG", "info");
    let mut command = sandbox.command(&["sync", "a"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    let began = err.find(|line| line.as_ref().unwrap().contains("Run started"));
    assert!(began.is_some());
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<_> = err.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:#?}");
    assert_eq!(rest.last().unwrap(), "shopsync: interrupted");
    // The interruption may have come before the fault took effect.
    setup.shop.clear_faults();
    let again = sandbox.run(&["sync", "a"]);
    again.assert_code(0);
    assert!(again.stdout.starts_with("uploaded "), "{again:#?}");
}

#[test]
fn the_lines_of_a_bulk_download_name_shop_and_run() {
    let mut setup = ShopSandbox::connected(12);
    for (name, value) in [
        ("SHOPSYNC__SHOPIFY__SCAN_STRATEGY", "bulk"),
        ("SHOPSYNC__SHOPIFY__BULK_POLL", "300ms"),
        ("SHOPSYNC__LOG__FORMAT", "json"),
        ("RUST_LOG", "info,shopify_client=debug"),
    ] {
        let value = value.to_owned();
        setup.sandbox.variables.insert(name.to_owned(), value);
    }
    let truncated = Fault::new(FaultKind::Truncated).on(FaultTarget::BulkFile);
    setup.shop.inject_fault(truncated).unwrap();
    let output = setup.sandbox.run(&["sync", "a"]);
    output.assert_code(0);
    let lines = output.stderr.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["target"].as_str().unwrap().contains("::bulk"))
        .collect();
    let interrupted = |line: &&serde_json::Value| {
        let message = line["message"].as_str().unwrap();
        message.starts_with("The download of a bulk result was interrupted")
    };
    assert_eq!(lines.iter().filter(interrupted).count(), 1, "{output:#?}");
    for line in &lines {
        assert_eq!(line["shop"], "a.myshopify.com", "{line}");
        assert_eq!(line["run"], "1", "{line}");
    }
}
