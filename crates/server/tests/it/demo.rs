//! Tests `shopsync demo` and the commands that it prints.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::cli::{CommandOutput, Sandbox};

/// How long a test waits for a line before it fails.
const TIMEOUT: Duration = Duration::from_mins(1);

const EXPORT: &str = "\
Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty
green-tea,Green Tea,Size,100 g,7.50,12
green-tea,,Size,500 g,29.90,3
teapot,Teapot,Title,Default Title,48.00,1
";

/// Returns the value of a printed address line such as `  file      /tmp/…`.
fn place(lines: &[String], name: &str) -> String {
    let line = lines
        .iter()
        .find_map(|line| line.strip_prefix(&format!("  {name} ")));
    line.unwrap_or_else(|| panic!("{name} is missing: {lines:#?}"))
        .trim()
        .to_owned()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn json(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn once_installs_the_shop_changes_a_price_and_ends() {
    let sandbox = Sandbox::empty();
    let output = sandbox.run(&["demo", "--once", "--products", "30", "--keep", "kept"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let printed = lines(&output.stdout);
    assert!(
        output.stdout.contains("published generation"),
        "{output:#?}"
    );
    let file = PathBuf::from(place(&printed, "file"));
    assert!(file.starts_with(sandbox.folder.path().canonicalize().unwrap().join("kept")));
    let document = json(&file);
    let products = document["data"]["products"]["edges"].as_array().unwrap();
    assert_eq!(products.len(), 30);
    let first = &products[0]["node"]["variants"]["edges"][0]["node"];
    assert_eq!(first["price"], "1234.50");
}

#[test]
fn the_number_of_products_is_limited() {
    let sandbox = Sandbox::empty();
    for products in ["0", "200001"] {
        let output = sandbox.run(&["demo", "--products", products]);
        assert_eq!(output.code, Some(2), "{output:#?}");
        assert!(output.stderr.contains("1..=200000"), "{output:#?}");
    }
}

#[test]
fn the_folder_is_deleted_unless_it_is_kept() {
    let sandbox = Sandbox::empty();
    let temporary = sandbox.folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let sandbox = sandbox.with("TMPDIR", temporary.display().to_string());
    let output = sandbox.run(&["demo", "--once", "--products", "3"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let left = std::fs::read_dir(&temporary).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn the_demo_ignores_the_settings_of_a_real_shop() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let real = format!("http://{}", listener.local_addr().unwrap());
    let sandbox = Sandbox::empty()
        .with("SPACES_ENDPOINT", &real)
        .with("SPACES_BUCKET", "real")
        .with("SHOPIFY_ENDPOINT", format!("{real}/{{shop}}"));
    let dot_env = sandbox.folder.path().join(".env");
    std::fs::write(dot_env, "DATABASE_URL=sqlite:real.db\n").unwrap();
    let output = sandbox.run(&["demo", "--once", "--products", "3"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(
        listener.accept().is_err(),
        "something was sent to the real Space or shop"
    );
    assert!(!sandbox.folder.path().join("real.db").exists());
}

#[test]
fn the_shop_has_the_products_of_the_export() {
    let sandbox = Sandbox::empty();
    std::fs::write(sandbox.folder.path().join("export.csv"), EXPORT).unwrap();
    let output = sandbox.run(&[
        "demo",
        "--once",
        "--catalog",
        "export.csv",
        "--keep",
        "kept",
    ]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let document = json(Path::new(&place(&lines(&output.stdout), "file")));
    let products = document["data"]["products"]["edges"].as_array().unwrap();
    let mut seen: Vec<_> = products
        .iter()
        .map(|product| {
            let node = &product["node"];
            let variants = node["variants"]["edges"].as_array().unwrap();
            (
                node["handle"].as_str().unwrap(),
                node["title"].as_str().unwrap(),
                variants.len(),
            )
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [("green-tea", "Green Tea", 2), ("teapot", "Teapot", 1)]
    );
}

#[test]
fn the_error_of_an_invalid_export_contains_the_line() {
    let sandbox = Sandbox::empty();
    let bad = EXPORT.replace("29.90", "cheap");
    std::fs::write(sandbox.folder.path().join("bad.csv"), bad).unwrap();
    let output = sandbox.run(&["demo", "--once", "--catalog", "bad.csv"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    for word in ["bad.csv", "line 3", "Variant Price", "cheap"] {
        assert!(
            output.stderr.contains(word),
            "{word} is missing: {output:#?}"
        );
    }
    let missing = sandbox.run(&["demo", "--catalog", "none.csv"]);
    assert_eq!(missing.code, Some(2), "{missing:#?}");
    assert!(missing.stderr.contains("none.csv"), "{missing:#?}");
}

#[test]
fn a_taken_port_and_a_folder_that_is_not_empty_are_rejected() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = Sandbox::empty();
    let output = sandbox.run(&["demo", "--once", "--port", &port]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(
        output
            .stderr
            .contains(&format!("port {port} of 127.0.0.1 is taken")),
        "{output:#?}"
    );
    std::fs::write(sandbox.folder.path().join("mine"), "").unwrap();
    let output = sandbox.run(&["demo", "--once", "--keep", "."]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(output.stderr.contains("not empty"), "{output:#?}");
}

/// A running demo.
struct DemoProcess {
    child: Child,
    printed: Receiver<String>,
    seen: Vec<String>,
}

impl DemoProcess {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(arguments);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut child = child.unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, printed) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            printed,
            seen: Vec::new(),
        }
    }

    /// Waits for a line with this beginning.
    fn wait_for(&mut self, beginning: &str) -> String {
        loop {
            let line = self.printed.recv_timeout(TIMEOUT);
            let line =
                line.unwrap_or_else(|_| panic!("no line \"{beginning}…\": {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    /// Returns the printed command below this comment.
    fn command(&self, about: &str) -> &str {
        let comment = format!("  # {about}");
        let at = self.seen.iter().position(|line| line.starts_with(&comment));
        let at = at.unwrap_or_else(|| panic!("{about} is missing: {:#?}", self.seen));
        self.seen[at + 1].trim()
    }

    /// Runs a printed command in a shell.
    fn paste(&self, about: &str) -> CommandOutput {
        let command = self.command(about);
        let output = Command::new("sh").args(["-c", command]).output();
        output.unwrap().into()
    }

    /// Sends SIGINT, as Ctrl-C does.
    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for DemoProcess {
    fn drop(&mut self) {
        // Fails if the demo has ended, as expected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_printed_command_works() {
    let sandbox = Sandbox::empty();
    let mut demo = DemoProcess::start(&sandbox, &["demo", "--products", "12"]);
    demo.wait_for("Runs are reported here");
    let folder = PathBuf::from(place(&demo.seen, "settings"))
        .parent()
        .unwrap()
        .to_owned();

    let before = demo.paste("the snapshot: titles");
    assert_eq!(
        (before.code, before.stdout.lines().count()),
        (Some(0), 5),
        "{before:#?}"
    );
    assert!(!before.stdout.contains("12.34"), "{before:#?}");

    let changed = demo.paste("change a price");
    assert_eq!(changed.code, Some(0), "{changed:#?}");
    let line = demo.wait_for("published generation ");
    assert!(
        line.contains("after the change (products/update)"),
        "{line}"
    );
    let after = demo.paste("the snapshot: titles");
    assert!(
        after.stdout.lines().next().unwrap().contains("12.34"),
        "{after:#?}"
    );

    for (about, word) in [
        (
            "compare without writing",
            "unchanged demo.myshopify.com/shopify_data.json",
        ),
        (
            "a full scan",
            "unchanged demo.myshopify.com/shopify_data.json",
        ),
        ("the shop and its last run", "demo.myshopify.com  active"),
        ("check everything", "No check failed"),
        ("the snapshot over S3", "{\"data\":{"),
    ] {
        let output = demo.paste(about);
        assert_eq!(output.code, Some(0), "{output:#?}");
        assert!(
            output.stdout.contains(word),
            "{word} is missing: {output:#?}"
        );
    }
    let synced = demo.paste("a full scan");
    assert!(synced.stdout.contains("0 PUTs"), "{synced:#?}");

    demo.interrupt();
    demo.wait_for("Stopped.");
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
    assert!(!folder.exists());
}
