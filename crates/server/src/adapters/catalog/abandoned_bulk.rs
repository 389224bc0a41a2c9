//! Bulk operations that nobody waits for any more: they run on in Shopify when their run is cut off, and take one of the
//! five places that the app has in a shop.

use shopify_client::bulk::{BulkOperation, BulkStatus};
use shopify_client::{Error, ShopClient};
use sync_core::PortError;

use crate::adapters::shopify_error;

/// Cancels those of this installation, and says how many that were. Others, of the same app too, are left alone.
pub(super) async fn cancel_abandoned(client: &ShopClient) -> Result<u64, PortError> {
    let failed = |error| shopify_error("end interrupted bulk operations", error);
    let bulk = client.bulk();
    let own = match bulk.own_operations().await {
        Ok(own) => own,
        // Whoever may not run any has left none.
        Err(Error::AccessDenied { .. }) => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut cancelled = 0;
    for BulkOperation { id, .. } in own.iter().filter(|own| own.status != BulkStatus::Canceling) {
        match bulk.cancel(id).await {
            Ok(_) => cancelled += 1,
            // It has ended by itself meanwhile.
            Err(Error::UserErrors { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(cancelled)
}
