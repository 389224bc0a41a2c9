//! What other programs can name of this crate is listed in `public-api.txt`, so that no change of it goes unseen.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The form of rustdoc's JSON that the crate `public-api` reads: that of Rust 1.95.
const FORM: u64 = 57;

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(here)
        .env("RUSTDOC", here.join("tests/rustdoc-json"))
        .output()
        .expect("cargo");
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "cargo {arguments:?}: {complaint}");
    ran.stdout
}

/// rustdoc's JSON of this crate with all its features.
fn documented() -> PathBuf {
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
fn not_in<'a>(other: &str, text: &'a str) -> Vec<&'a str> {
    let known: HashSet<_> = other.lines().collect();
    text.lines().filter(|line| !known.contains(line)).collect()
}

#[test]
fn the_public_api_is_as_committed() {
    let json = documented();
    let text = std::fs::read(&json).unwrap();
    let form = serde_json::from_slice::<Value>(&text).unwrap()["format_version"].as_u64();
    if form != Some(FORM) {
        skipped(&format!(
            "rustdoc writes form {form:?} of JSON; only {FORM} can be read"
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
    let (gone, new) = (not_in(&api, &committed), not_in(&committed, &api));
    assert!(
        api == committed,
        "the public API has changed; if that is meant, run `just public-api`.\ngone: {gone:#?}\nnew: {new:#?}"
    );
}

/// Where the public API may take types from, as the README says. `…_core` are the small halves of serde and futures.
const MAY_BE_NAMED: [&str; 14] = [
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

/// No HTTP client and no code generator among them: those may be exchanged.
#[test]
fn the_public_api_takes_types_from_few_crates() {
    let api = include_str!("../../public-api.txt");
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let paths = api
        .split(|c| !of_a_path(c))
        .filter_map(|path| path.split_once("::"));
    let crates = paths.map(|(root, _)| root);
    let named = crates.filter(|root| root.starts_with(|c: char| c.is_ascii_lowercase()));
    let strangers: HashSet<_> = named.filter(|name| !MAY_BE_NAMED.contains(name)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
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
