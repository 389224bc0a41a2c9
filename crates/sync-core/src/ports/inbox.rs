use async_trait::async_trait;

use crate::{
    ClaimOutcome, Delivery, DirtyItem, ItemFailure, Lease, PortError, RecordOutcome, Release,
    ShopDomain, Timestamp, WorkRequest,
};

/// Stores deliveries, work requests, dirty items and leases.
///
/// A shop is claimable when work is requested from it, that work is due, no lease on the shop is unexpired, and the
/// shop's status is active or unavailable (an unavailable shop may have recovered). Calls that take a [`Lease`] fail with
/// [`crate::Disposition::LeaseLost`] once another worker has claimed the shop.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Stores a delivery and its work request in one transaction, which is on disk when this returns.
    ///
    /// A known delivery id changes nothing. The work falls due at `run_after`, or earlier if other work of the shop is due
    /// earlier.
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError>;

    /// Requests work. It is merged with the work already requested; the earlier due time applies.
    async fn request(
        &self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<(), PortError>;

    /// Claims the claimable shop that has been due longest, with a lease until `until`. With `only`, claims that shop if it
    /// has any requested work, due or not.
    ///
    /// An erasure can be claimed in any status of the shop.
    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<ClaimOutcome, PortError>;

    /// Renews a lease: it now lasts until `until`.
    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError>;

    /// The shop's dirty items that may be read at `now`, lowest sequence number first, at most `limit`.
    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError>;

    /// Removes the items in `done` from the dirty items, unless they were requested again since, and postpones those in
    /// `failed`.
    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[ItemFailure],
    ) -> Result<(), PortError>;

    /// Ends the lease.
    ///
    /// After [`Release::Done`] the remaining work stays claimable: postponed items when the first of them may be read
    /// again, work requested since the claim at its own time. After [`Release::Retry`] the shop cannot be claimed before
    /// that time, except through `only` or for newly requested work.
    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError>;
}
