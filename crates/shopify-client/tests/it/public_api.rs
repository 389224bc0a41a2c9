//! Checks that `public-api.txt` lists the public API of this crate, so that no change goes unnoticed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The format version of rustdoc's JSON that the crate `public-api` reads: that of Rust 1.95.
const FORMAT_VERSION: u64 = 57;

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(here)
        .env("RUSTDOC", here.join("tests/rustdoc-json"))
        .output()
        .expect("cargo");
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "cargo {arguments:?}: {stderr}");
    ran.stdout
}

/// Generates rustdoc's JSON of this crate with all features.
fn rustdoc_json() -> PathBuf {
    let metadata = cargo(&["metadata", "--offline", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_slice(&metadata).expect("cargo's metadata");
    let target = metadata["target_directory"].as_str().expect("a folder");
    cargo(&[
        "rustdoc",
        "--offline",
        "--lib",
        "--all-features",
        "--",
        "-Zunstable-options",
        "--output-format=json",
        "--cap-lints=allow",
    ]);
    Path::new(target).join("doc/shopify_client.json")
}

#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

/// The lines of `text` that are not in `other`.
fn lines_missing_from<'a>(other: &str, text: &'a str) -> Vec<&'a str> {
    let known: HashSet<_> = other.lines().collect();
    text.lines().filter(|line| !known.contains(line)).collect()
}

#[test]
fn the_public_api_is_as_committed() {
    let json = rustdoc_json();
    let text = std::fs::read(&json).unwrap();
    let format = serde_json::from_slice::<Value>(&text).unwrap()["format_version"].as_u64();
    if format != Some(FORMAT_VERSION) {
        skipped(&format!(
            "rustdoc writes format {format:?} of JSON; only {FORMAT_VERSION} can be read"
        ));
        return;
    }
    let api = public_api::Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap()
        .to_string();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api.txt");
    if std::env::var_os("UPDATE_PUBLIC_API").is_some() {
        std::fs::write(&file, &api).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let (removed, added) = (
        lines_missing_from(&api, &committed),
        lines_missing_from(&committed, &api),
    );
    assert!(
        api == committed,
        "the public API has changed; if that is intended, run `just public-api`.\nremoved: {removed:#?}\nadded: {added:#?}"
    );
}

/// Where the public API may take types from, as the README says. `…_core` are the small halves of serde and futures.
const ALLOWED_CRATES: [&str; 14] = [
    "alloc",
    "bytes",
    "chrono",
    "core",
    "futures_core",
    "http",
    "rand_core",
    "secrecy",
    "serde_core",
    "serde_json",
    "shopify_client",
    "std",
    "url",
    "vec",
];

/// No HTTP client and no code generator among them, so that those can be replaced.
#[test]
fn the_public_api_uses_types_of_few_crates() {
    let api = include_str!("../../public-api.txt");
    let is_path_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let paths = api
        .split(|c| !is_path_char(c))
        .filter_map(|path| path.split_once("::"));
    let crates = paths.map(|(root, _)| root);
    let named = crates.filter(|root| root.starts_with(|c: char| c.is_ascii_lowercase()));
    let unexpected: HashSet<_> = named
        .filter(|name| !ALLOWED_CRATES.contains(name))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    let readme = include_str!("../../README.md");
    let listed = [
        "bytes",
        "chrono",
        "futures",
        "http",
        "rand_core",
        "secrecy",
        "serde",
        "serde_json",
        "url",
    ];
    let sentence = listed.map(|name| format!("`{name}`")).join(", ");
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(readme.contains(&sentence), "{sentence}");
}
