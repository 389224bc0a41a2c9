//! Exports a shop's products as JSON lines, with a bulk operation, or by paging if none is available.
//!
//! `cargo run -p shopify-client --example bulk_export -- SHOP [ENDPOINT] < token.txt > products.jsonl`. `ENDPOINT`
//! replaces Shopify's endpoint, for example `http://127.0.0.1:9292/{shop}`.
//! The token needs the scopes `read_products`, `read_inventory` and `read_locations`.

use std::error::Error;
use std::io::{Read, Write, stderr, stdin, stdout};
use std::sync::Arc;

use futures::TryStreamExt;
use shopify_client::bulk::{BulkOptions, Strategy};
use shopify_client::{Client, Endpoint, ShopClient, ShopDomain, StaticToken};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let domain = ShopDomain::parse(
        &arguments
            .next()
            .ok_or("expected SHOP as the first argument")?,
    )?;
    let mut builder = Client::builder().bulk(options());
    if let Some(endpoint) = arguments.next() {
        builder = builder.endpoint(Endpoint::custom(&endpoint)?);
    }
    // Every user of the machine can read the command line, so the token is not passed there.
    let mut token = String::new();
    stdin().read_to_string(&mut token)?;
    let token = StaticToken::new(token.trim());

    let shop = builder.build()?.shop(&domain, Arc::new(token));
    let written = export(&shop, &mut stdout().lock()).await?;
    let usage = shop.usage();
    let (requests, points) = (usage.requests, usage.points);
    writeln!(
        stderr(),
        "{written} products, {requests} requests, {points} points"
    )?;
    Ok(())
}

/// The marker distinguishes the operations from those of other programs that use the same app.
fn options() -> BulkOptions {
    BulkOptions {
        marker: "bulk_export".to_owned(),
        ..BulkOptions::default()
    }
}

/// Writes all products and returns their number.
pub(crate) async fn export(shop: &ShopClient, out: &mut impl Write) -> Result<u64, Box<dyn Error>> {
    let mut products = shop.products_by(Strategy::Bulk);
    let mut written = 0;
    while let Some(product) = products.try_next().await? {
        serde_json::to_writer(&mut *out, &product)?;
        out.write_all(b"\n")?;
        written += 1;
    }
    out.flush()?;
    Ok(written)
}
