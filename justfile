set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes
_default:
    @just --list --unsorted

# Run the demo: service, simulator, embedded S3 and SQLite on this machine
demo *args:
    cargo run --release -- demo {{ args }}

# Run the service with the settings of .env
serve *args:
    cargo run --release -- serve {{ args }}

# Format the code
fmt:
    cargo fmt --all

# Check formatting, lints and docs, as CI does
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
    cargo clippy -p server --no-default-features --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Run all tests, on SQLite and PostgreSQL, the embedded S3 and Ceph RGW (starts and stops them)
test *args:
    scripts/test {{ args }}

# Run the tests that need no external service
test-quick *args:
    cargo nextest run --workspace --all-features --locked {{ args }}

# Benchmark: just bench client (compared with another crate, in one run), just bench sync [PRODUCTS] (time, memory, API points of a full scan)
bench what="client" *args:
    just _bench-{{ what }} {{ args }}

_bench-client:
    cargo run --release --locked --manifest-path crates/shopify-client/benches/rival/Cargo.toml --bin webhooks
    cargo run --release --locked --manifest-path crates/shopify-client/benches/rival/Cargo.toml --bin bulk

_bench-sync products="20000" points="1000000":
    scripts/bench-sync {{ products }} {{ points }}

# Check shopify-client with the oldest supported compiler (rust-version)
msrv:
    cargo +$(sed -n 's/^rust-version = "\(.*\)"/\1.0/p' Cargo.toml) check --locked -p shopify-client --all-features --target-dir target/msrv

# Check which crate may depend on what (docs/architecture.md)
boundaries:
    just _forbids sync-core 'actix-web|actix-http|axum|sqlx|reqwest|hyper|rusoto_s3|object_store|graphql_client|shopify-client|spaces-store|sync-db|server'
    just _forbids shopify-client 'actix-web|actix-http|sqlx|rusoto_s3|rusoto_core|object_store|sync-core|spaces-store|sync-db|server'
    just _forbids spaces-store 'actix-web|actix-http|sqlx|graphql_client|sync-core|shopify-client|sync-db|server'
    just _forbids sync-db 'actix-web|actix-http|reqwest|rusoto_s3|object_store|graphql_client|shopify-client|spaces-store|server'
    just _forbids shopify-sim 'actix-web|actix-http|sqlx|rusoto_s3|object_store|sync-core|shopify-client|spaces-store|sync-db|server'
    just _forbids server 'shopify-sim|apollo-compiler|axum|s3s|s3s-fs' --no-default-features
    just _forbids testkit 'actix-web|actix-http|sqlx|reqwest|rusoto_s3|object_store|shopify-client|spaces-store|sync-db|server'

# Reads the tree into a variable first: in a pipe, a failing `cargo tree` would pass the check.
_forbids crate pattern features="--all-features":
    #!/usr/bin/env bash
    set -euo pipefail
    tree=$(cargo tree --locked -p {{ crate }} {{ features }} -e normal --prefix none -f '{p}')
    if found=$(tail -n +2 <<<"$tree" | grep -E '^({{ pattern }}) ' | sort -u); then
        printf '%s must not depend on:\n%s\n' '{{ crate }}' "$found" >&2
        exit 1
    fi
    echo "{{ crate }}: ok"

# Check licences, sources and direct dependencies (advisories need the network: just advisories)
deny:
    cargo fetch --locked --quiet
    cargo deny --offline check bans licenses sources

# Check for known vulnerabilities, with a current advisory database
advisories:
    cargo deny check advisories

# Write the schemas from an introspection response of the Admin API, and move to its version if it is newer: just schema admin_2027-01.json.gz
schema *args:
    scripts/schema {{ args }}

# Test shopify-client as a git dependency of a new crate that lists a simulated shop's products
outside-crate *args:
    scripts/outside-crate {{ args }}

# Update shopify-client's public-api.txt after an intended change of its public API
public-api:
    UPDATE_PUBLIC_API=1 cargo nextest run -p shopify-client --all-features --locked public_api::

# Report what other versions of the Admin API change for the client's operations: removed, deprecated, nullable, with days left
drift *args:
    cargo run --quiet --locked -p version-drift -- {{ args }}

# Run everything that CI runs, in the same order
ci: lint boundaries deny test
