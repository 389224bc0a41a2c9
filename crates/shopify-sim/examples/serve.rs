//! A simulated shop to try a program on, until Ctrl-C.
//!
//! `cargo run -p shopify-sim --example serve -- [LISTEN]`, by default on any free port. Prints the endpoint.

use std::error::Error;
use std::io::{Write, stdout};

use shopify_sim::{CatalogSpec, SimApp, Simulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let scopes = [
        "read_products",
        "read_inventory",
        "read_locations",
        "read_discounts",
    ];
    let sim = Simulator::builder()
        .seed(7)
        .shop("example", CatalogSpec::default())
        .app(SimApp {
            api_key: "key".to_owned(),
            api_secret: "secret".to_owned(),
            redirect_uris: vec!["http://127.0.0.1:5001/callback".to_owned()],
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
