//! Uploads a file only if the store does not have its bytes yet.
//!
//! `cargo run -p spaces-store --example put_if_changed -- file:///tmp/shops example.myshopify.com document.json`

use std::error::Error;

use spaces_store::{ObjectMeta, PutOutcome, ShopPrefix, SnapshotKey, Spool, Store, StoreUrl};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the example talks to its user")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [url, shop, file] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: put_if_changed memory:|file:///FOLDER SHOP FILE.json")?;
    let store = Store::new(spaces_store::open(&url.parse::<StoreUrl>()?)?);
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
