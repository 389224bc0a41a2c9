//! Uploads a JSON file in canonical form, unless the store already has the same bytes.
//!
//! ```text
//! cargo run -p spaces-store --example put_if_changed -- file:///tmp/shops example.myshopify.com document.json
//! cargo run -p spaces-store --example put_if_changed -- nyc3/my-space example.myshopify.com document.json < keys
//! ```
//!
//! The second form is a Space. `keys` contains the access key in its first line and the secret key in its second.

use std::error::Error;
use std::io;

use spaces_store::{
    ObjectMeta, PutOutcome, ShopPrefix, SnapshotKey, SpacesConfig, Spool, Store, StoreUrl,
};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the example prints its result")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [store, shop, file] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: put_if_changed memory:|file:///FOLDER|REGION/SPACE SHOP FILE.json")?;
    let store = Store::new(spaces_store::open(&address(&store)?)?);
    let key = SnapshotKey::single(&ShopPrefix::new(shop)?);

    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let document = Spool::from(spaces_store::to_canonical_vec(&value)?);
    let meta = ObjectMeta::json(1, 1);
    match store.put_if_changed(&key, &document, &meta).await? {
        PutOutcome::Unchanged { hash } => println!("{key}: unchanged, sha256 {hash}"),
        PutOutcome::Uploaded { hash, bytes, .. } => println!("{key}: {bytes} bytes, sha256 {hash}"),
    }
    Ok(())
}

fn address(text: &str) -> Result<StoreUrl, Box<dyn Error>> {
    let Some((region, space)) = text.split_once('/').filter(|_| !text.contains(':')) else {
        return Ok(text.parse::<StoreUrl>()?);
    };
    let mut keys = io::stdin().lines();
    let mut line = || keys.next().unwrap_or_else(|| Ok(String::new()));
    let (access_key, secret_key) = (line()?, line()?);
    let endpoint = SpacesConfig::endpoint_of_region(region)?;
    Ok(SpacesConfig::new(endpoint, region, space, access_key, secret_key).into())
}
