//! Runs a simulated shop until Ctrl-C, for trying a program on.
//!
//! `cargo run -p shopify-sim --example serve -- [LISTEN [PRODUCTS [POINTS]]]`. Defaults: any free port, 20 products of
//! three variants, and Shopify's standard rate limit of 100 points a second. Prints the endpoint.

use std::error::Error;
use std::io::{Write, stdout};

use shopify_sim::{BucketSize, CatalogSpec, SimApp, Simulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next();
    let listen = listen.as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let mut catalog = CatalogSpec::default();
    if let Some(products) = arguments.next() {
        catalog.products = products.parse()?;
    }
    let points = arguments.next().as_deref().unwrap_or("100").parse()?;
    let scopes = [
        "read_products",
        "read_inventory",
        "read_locations",
        "read_discounts",
    ];
    let sim = Simulator::builder()
        .seed(7)
        .shop("example", catalog)
        .bucket(BucketSize {
            maximum: 20.0 * points,
            restore_rate: points,
        })
        .app(SimApp {
            api_key: "key".to_owned(),
            api_secret: "secret".to_owned(),
            // The redirect URIs of shopify-client's example `oauth_app` and of `shopsync serve`.
            redirect_uris: vec![
                "http://127.0.0.1:5001/callback".to_owned(),
                "http://127.0.0.1:5000/shopify/callback".to_owned(),
            ],
            scopes: scopes.map(str::to_owned).into(),
        })
        .listen(listen)
        .start()
        .await?;
    writeln!(stdout(), "{}", sim.endpoint())?;
    tokio::signal::ctrl_c().await?;
    sim.stop().await;
    Ok(())
}
