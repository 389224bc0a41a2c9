//! Cancels abandoned bulk operations. They continue in Shopify after their run was interrupted, and each occupies one of the
//! five that an app may run in a shop at the same time.

use shopify_client::bulk::{BulkOperation, BulkStatus};
use shopify_client::{Error, ShopClient};
use sync_core::PortError;

use crate::adapters::shopify_error;

/// Cancels the operations of this deployment and returns their number. Those of other deployments of the same app are left
/// alone.
pub(super) async fn cancel_abandoned(client: &ShopClient) -> Result<u64, PortError> {
    let failed = |error| shopify_error("end interrupted bulk operations", error);
    let bulk = client.bulk();
    let own = match bulk.own_operations().await {
        Ok(own) => own,
        // Without permission to run bulk operations there are none to cancel.
        Err(Error::AccessDenied { .. }) => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut cancelled = 0;
    for BulkOperation { id, .. } in own.iter().filter(|own| own.status != BulkStatus::Canceling) {
        match bulk.cancel(id).await {
            Ok(_) => cancelled += 1,
            // The operation has ended in the meantime.
            Err(Error::UserErrors { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(cancelled)
}
