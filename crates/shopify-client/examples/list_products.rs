//! Lists a shop's products with prices and stock of their variants.
//!
//! `cargo run -p shopify-client --example list_products -- SHOP [ENDPOINT] < token.txt`. `ENDPOINT` replaces Shopify's
//! endpoint, for example `http://127.0.0.1:9292/{shop}`.
//! The token needs the scopes `read_products`, `read_inventory` and `read_locations`.

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::sync::Arc;

use futures::TryStreamExt;
use shopify_client::{Client, Endpoint, ShopClient, ShopDomain, StaticToken};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let domain = ShopDomain::parse(
        &arguments
            .next()
            .ok_or("expected SHOP as the first argument")?,
    )?;
    let mut builder = Client::builder();
    if let Some(endpoint) = arguments.next() {
        builder = builder.endpoint(Endpoint::custom(&endpoint)?);
    }
    // Every user of the machine can read the command line, so the token is not passed there.
    let mut token = String::new();
    stdin().read_to_string(&mut token)?;
    let token = StaticToken::new(token.trim());

    let shop = builder.build()?.shop(&domain, Arc::new(token));
    list(&shop, &mut stdout().lock()).await
}

/// Writes each product with its variants, then the requests and points used.
pub(crate) async fn list(shop: &ShopClient, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut products = shop.products();
    while let Some(product) = products.try_next().await? {
        writeln!(out, "{} ({})", product.title, product.status)?;
        for variant in &product.variants {
            let stock = variant.inventory_quantity;
            let stock = stock.map_or("not counted".to_owned(), |count| count.to_string());
            writeln!(out, "  {}: {} [{stock}]", variant.title, variant.price)?;
        }
    }
    let usage = shop.usage();
    writeln!(out, "{} requests, {} points", usage.requests, usage.points)?;
    Ok(())
}
