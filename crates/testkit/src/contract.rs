//! Tests what every implementation of the state ports guarantees.
//!
//! Each function takes empty state and panics if a guarantee is broken. [`state_contract!`](crate::state_contract) generates
//! a test for each.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a check fails by panicking"
)]

pub mod inbox;
pub mod leases;
pub mod mirror;
pub mod poll;
pub mod registry;
pub mod runs;
pub mod tokens;

use sync_core::ports::{Inbox, Mirror, PollSchedule, Publications, RunLog, ShopRegistry};
use sync_core::{
    Claim, ClaimOutcome, DirtyItem, ItemFailure, Lease, PortError, Settlement, ShopDomain,
    ShopEvent, Timestamp, WorkKind, WorkOutcome,
};

use crate::sample::{at, installation};

/// All state ports.
pub trait State: ShopRegistry + Inbox + Mirror + Publications + PollSchedule + RunLog {}

impl<T: ShopRegistry + Inbox + Mirror + Publications + PollSchedule + RunLog> State for T {}

/// The time at which most checks begin.
pub(crate) fn noon() -> Timestamp {
    at("2026-11-24T12:00:00Z")
}

pub(crate) fn after(seconds: i64) -> Timestamp {
    noon() + chrono::TimeDelta::seconds(seconds)
}

pub(crate) async fn install(state: &dyn State, shop: &ShopDomain) {
    let installation = installation(shop, noon());
    state.install(&installation).await.unwrap();
}

/// Claims any shop that is due at `now`, for 15 seconds.
pub(crate) async fn claim(state: &dyn State, now: Timestamp) -> Option<Claim> {
    let until = now + chrono::TimeDelta::seconds(15);
    match state.claim(None, now, until).await.unwrap() {
        ClaimOutcome::Claimed(claim) => Some(claim),
        ClaimOutcome::Idle { .. } => None,
    }
}

/// Releases a shop with one outcome for all its claimed work.
pub(crate) async fn release(
    state: &dyn State,
    lease: &Lease,
    outcome: WorkOutcome,
) -> Result<(), PortError> {
    let outcomes = WorkKind::ALL.map(|kind| (kind, outcome.clone()));
    state.release(lease, &outcomes).await
}

/// The outcome of work that failed and is due again at `at`.
pub(crate) fn retry(at: Timestamp) -> WorkOutcome {
    WorkOutcome::Retry {
        at,
        error: "no response".to_owned(),
    }
}

/// Settles dirty items and nothing else.
pub(crate) async fn settle(
    state: &dyn State,
    lease: &Lease,
    done: &[DirtyItem],
    failed: &[ItemFailure],
) -> Result<bool, PortError> {
    let settlement = Settlement {
        at: noon(),
        done: done.to_vec(),
        failed: failed.to_vec(),
        ..Settlement::default()
    };
    state.settle(lease, &settlement).await
}

/// Changes a shop's status by an event that must change it.
pub(crate) async fn change_status(state: &dyn State, shop: &ShopDomain, event: ShopEvent) {
    let changed = state.change_status(shop, event).await.unwrap();
    assert!(changed.is_some(), "{event:?}");
}

/// Generates a test for every check: `state_contract!(fresh)`, where `fresh().await` returns empty state with a guard that
/// lives as long as the test, or `None` to skip the test.
#[macro_export]
macro_rules! state_contract {
    ($fresh:path) => {
        $crate::state_contract!(@module $fresh, registry:
            an_installed_shop_is_found_and_listed
            a_reinstallation_renews_token_and_status
            an_uninstalled_shop_has_no_token
            an_erased_shop_leaves_nothing
            concurrent_events_are_all_applied
            an_event_that_changes_nothing_is_ignored);
        $crate::state_contract!(@module $fresh, tokens:
            a_token_is_replaced_once_for_each_version
            an_attempt_is_visible_until_it_ends
            of_concurrent_attempts_one_begins
            an_attempt_is_taken_over_by_naming_it
            an_attempt_ends_with_its_token);
        $crate::state_contract!(@module $fresh, inbox:
            a_repeated_delivery_changes_nothing
            a_delivery_without_work_is_only_stored
            work_requests_add_up_and_the_earlier_time_applies
            a_full_scan_keeps_its_first_trigger_and_any_confirmation
            the_shop_due_longest_is_claimed_first
            inactive_shops_are_not_claimed
            an_erasure_is_claimed_whatever_the_status
            an_idle_claim_returns_when_to_try_again
            one_shop_can_be_claimed_before_it_is_due);
        $crate::state_contract!(@module $fresh, leases:
            a_claimed_shop_is_not_claimed_again_until_the_lease_ends
            racing_workers_never_claim_one_shop_together
            every_write_under_a_lost_lease_is_rejected
            a_renewed_lease_lasts_longer
            work_requested_during_a_run_stays_pending_after_it
            items_that_become_dirty_during_a_run_stay_dirty
            failed_items_are_postponed
            a_retry_waits_and_counts
            new_work_does_not_wait_for_a_retry
            giving_up_drops_the_scan_and_waits_for_new_work
            a_dead_workers_shop_does_not_wait_for_later_work
            a_retry_does_not_wait_for_later_work
            unfinished_work_is_queued_again
            a_confirmation_applies_to_one_scan
            work_already_done_starts_no_run
            kinds_of_work_end_separately
            dead_work_waits_for_a_request_of_its_kind
            a_request_during_a_run_revives_dead_work
            an_expired_leases_work_is_merged_with_new_requests
            a_run_that_goes_on_is_not_idle
            unfinished_work_is_put_back_unchanged
            a_settlement_finishes_work_and_claims_the_publication
            lease_tokens_grow_across_an_erasure);
        $crate::state_contract!(@module $fresh, mirror:
            writing_returns_what_changed
            a_comparison_writes_nothing
            ids_are_ordered_as_numbers
            a_tombstone_hides_an_item_until_it_is_written_again
            unseen_items_of_a_scan_are_listed
            referrers_follow_the_latest_references
            only_changes_increment_the_revision
            changes_are_listed_by_revision
            the_last_publication_of_each_layout_is_kept
            shops_do_not_see_each_other);
        $crate::state_contract!(@module $fresh, poll:
            a_slot_is_opened_once
            racing_replicas_open_a_slot_once
            polled_shops_are_spread);
        $crate::state_contract!(@module $fresh, runs:
            runs_are_listed_newest_first
            old_runs_and_deliveries_are_deleted);
    };
    (@module $fresh:path, $module:ident: $($check:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $check() {
                    if let Some((state, _guard)) = $fresh().await {
                        $crate::contract::$module::$check(&state).await;
                    }
                }
            )*
        }
    };
}
