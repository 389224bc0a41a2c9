use async_trait::async_trait;

use crate::{
    ClaimOutcome, Delivery, DirtyItem, ItemFailure, Lease, PortError, RecordOutcome, Release,
    ShopDomain, Timestamp, WorkRequest,
};

/// Deliveries, demands and leases: everything that waits to be done, and who is doing it.
///
/// A shop is claimable when something is asked of it, the time of its demand has come, no lease on it is alive,
/// and its status is active or unavailable (an unavailable shop may have come back). Calls that take a [`Lease`] fail with [`crate::Disposition::LeaseLost`] once the
/// shop has been claimed anew.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Stores a delivery and raises its demand in one transaction that is on disk when this returns.
    ///
    /// A delivery id seen before changes nothing. The demand falls due at `run_after`, or earlier if
    /// something else was due earlier.
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError>;

    /// Raises a demand. It adds to what is asked already; its time is the earlier of both.
    async fn request(
        &self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<(), PortError>;

    /// Takes the claimable shop that has been due longest (or only `only`, due or not, if anything is asked
    /// of it), until `until`.
    ///
    /// An erasure can be claimed whatever the shop's status.
    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<ClaimOutcome, PortError>;

    /// Prolongs a lease.
    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError>;

    /// The shop's dirty items that may be read at `now`, oldest mark first, at most `limit`.
    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError>;

    /// Removes the marks of items that have been dealt with, unless they were marked again meanwhile, and
    /// puts off those that failed.
    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[ItemFailure],
    ) -> Result<(), PortError>;

    /// Ends the lease.
    ///
    /// After [`Release::Done`] whatever is still asked stays claimable: put-off items when the first of them may
    /// be read again, a demand raised since the claim at its own time. After [`Release::Retry`] nothing is
    /// claimed before that time, except through `only` and for newly raised demands.
    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError>;
}
