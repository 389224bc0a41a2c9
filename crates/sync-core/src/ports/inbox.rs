use async_trait::async_trait;

use crate::{
    ClaimOutcome, Delivery, DirtyItem, Lease, PortError, RecordOutcome, Settlement, ShopDomain,
    Timestamp, WorkKind, WorkOutcome, WorkRequest,
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

    /// Claims the claimable shop that has been due longest, with a lease until `until`, and its due work. With `only`, claims
    /// that shop and all its waiting work, due or not.
    ///
    /// The work of an expired lease is claimed again, merged with what was requested since. An erasure can be claimed in any
    /// status of the shop.
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

    /// Stores what a scan or a refresh has achieved, in one transaction. Returns whether the holder of the lease must
    /// publish now; see [`Settlement::publish`].
    async fn settle(&self, lease: &Lease, settlement: &Settlement) -> Result<bool, PortError>;

    /// Ends the lease and the claimed work, kind by kind. Claimed work without an outcome is put back unchanged.
    ///
    /// Work requested since the claim stays due at its own time, and dirty items that are left keep a refresh waiting: the
    /// postponed ones until the first of them may be read again. After [`WorkOutcome::Retry`] the work is not claimed before
    /// that time, except through `only` or after a new request of its kind.
    async fn release(
        &self,
        lease: &Lease,
        outcomes: &[(WorkKind, WorkOutcome)],
    ) -> Result<(), PortError>;
}
