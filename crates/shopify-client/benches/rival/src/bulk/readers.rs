//! Runs one reader in one process.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use serde_json::{Value, json};
use shopify_api::{Auth, Shopify};
use shopify_client::bulk::BulkOptions;
use shopify_client::{Client, Endpoint, ShopClient, ShopDomain, StaticToken};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Assembles products into our models during the download of a grouped file.
    OursGrouped,
    /// The same from an unordered file, which is downloaded and counted before it is read.
    OursTyped,
    /// The same, with a digest of the products' JSON.
    OursDigest,
    /// Parses lines into values without assembling them. The other crate's assembly supports neither connections within
    /// a plain object, such as inventory levels, nor unordered files.
    TheirsValues,
}

impl Reader {
    const ALL: [Self; 4] = [
        Self::OursGrouped,
        Self::OursTyped,
        Self::OursDigest,
        Self::TheirsValues,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::OursGrouped => "ours-grouped",
            Self::OursTyped => "ours-typed",
            Self::OursDigest => "ours-digest",
            Self::TheirsValues => "theirs-values",
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Self::OursGrouped => "shopify-client read_products, grouped (typed, joined)",
            Self::OursTyped => "shopify-client read_products (typed, joined)",
            Self::OursDigest => "the same, with a digest",
            Self::TheirsValues => "shopify_api download_bulk_results_stream (values)",
        }
    }
}

/// The result of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    pub seconds: f64,
    pub peak_mib: u64,
    pub roots: u64,
    pub digest: u64,
}

impl Measurement {
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            seconds: words.next()?.parse().ok()?,
            peak_mib: words.next()?.parse().ok()?,
            roots: words.next()?.parse().ok()?,
            digest: words.next()?.parse().ok()?,
        })
    }
}

/// Runs the reader that the arguments name and prints the measurement.
pub fn read(arguments: &[String]) {
    let [name, url, bytes, lines, roots] = arguments else {
        panic!("expected: NAME URL BYTES LINES ROOTS")
    };
    let reader = Reader::ALL.into_iter().find(|reader| reader.name() == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let operation = json!({
        "id": "gid://shopify/BulkOperation/1", "status": "COMPLETED", "createdAt": "", "objectCount": lines,
        "rootObjectCount": roots, "fileSize": bytes, "url": format!("{url}/result.jsonl?Signature=x"),
    });
    let start = Instant::now();
    let (roots, digest) = runtime.block_on(async {
        match reader {
            Some(Reader::OursGrouped) => ours(shop(url, true), operation, false).await,
            Some(Reader::OursTyped) => ours(shop(url, false), operation, false).await,
            Some(Reader::OursDigest) => ours(shop(url, false), operation, true).await,
            Some(Reader::TheirsValues) => theirs_values(url).await,
            None => panic!("no such reader: {name}"),
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds} {} {roots} {digest}", peak_mib());
}

async fn ours(shop: ShopClient, operation: Value, digest: bool) -> (u64, u64) {
    let bulk = shop.bulk();
    let operation = serde_json::from_value(operation).expect("an operation");
    let mut products = bulk.read_products(operation);
    let (mut roots, mut hasher) = (0, DefaultHasher::new());
    while let Some(product) = products.next().await {
        let product = product.expect("a product");
        roots += 1;
        if digest {
            serde_json::to_string(&product)
                .expect("JSON")
                .hash(&mut hasher);
        }
    }
    (roots, hasher.finish())
}

fn shop(url: &str, grouped: bool) -> ShopClient {
    let endpoint = Endpoint::custom(&format!("{url}/{{shop}}")).expect("an endpoint");
    let options = BulkOptions {
        grouped,
        ..BulkOptions::default()
    };
    let client = Client::builder().endpoint(endpoint).bulk(options).build();
    let client = client.expect("a client");
    let domain = ShopDomain::parse("example").expect("a domain");
    client.shop(&domain, Arc::new(StaticToken::new("token")))
}

async fn theirs_values(url: &str) -> (u64, u64) {
    let url = format!("{url}/result.jsonl?Signature=x");
    let rows = their_shop()
        .download_bulk_results_stream::<Value>(&url)
        .await;
    let mut rows = rows.expect("rows");
    let mut roots = 0;
    while let Some(row) = rows.next_row().await {
        let row = row.expect("a row");
        roots += u64::from(row.get("__parentId").is_none());
    }
    (roots, 0)
}

fn their_shop() -> Shopify {
    Shopify::new("example", Auth::access_token("token")).expect("a client")
}

/// The peak memory of this process (`VmHWM`), in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
