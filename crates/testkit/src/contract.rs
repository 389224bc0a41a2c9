//! What every implementation of the state ports must do.
//!
//! Each function takes empty state and panics where it breaks a promise. [`state_contract!`](crate::state_contract) makes
//! a test of each.
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

use sync_core::ports::{Inbox, Mirror, PollSchedule, RunLog, ShopRegistry};
use sync_core::{Claim, ClaimOutcome, ShopDomain, Timestamp};

use crate::sample::{at, installation};

/// All state ports at once.
pub trait State: ShopRegistry + Inbox + Mirror + PollSchedule + RunLog {}

impl<T: ShopRegistry + Inbox + Mirror + PollSchedule + RunLog> State for T {}

/// Noon of an ordinary day: when most checks begin.
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

/// Makes a test of every check: `state_contract!(fresh)`, where `fresh().await` is empty state with what must
/// live as long as the test, or `None` to skip.
#[macro_export]
macro_rules! state_contract {
    ($fresh:path) => {
        $crate::state_contract!(@module $fresh, registry:
            an_installed_shop_is_found_and_listed
            a_reinstallation_renews_token_and_status
            an_uninstalled_shop_has_no_token
            an_erased_shop_leaves_nothing);
        $crate::state_contract!(@module $fresh, tokens:
            a_token_is_replaced_once_for_each_version
            an_attempt_is_seen_until_it_ends
            of_those_who_begin_together_one_wins
            an_attempt_is_taken_over_by_whoever_names_it
            an_attempt_ends_with_its_token);
        $crate::state_contract!(@module $fresh, inbox:
            a_repeated_delivery_changes_nothing
            a_delivery_without_work_is_only_remembered
            demands_add_up_and_the_earlier_time_wins
            a_full_scan_keeps_its_first_trigger_and_any_confirmation
            the_shop_due_longest_is_claimed_first
            shops_that_are_not_served_are_not_claimed
            an_erasure_is_claimed_whatever_the_status
            idle_says_when_to_ask_again
            one_shop_can_be_claimed_before_it_is_due);
        $crate::state_contract!(@module $fresh, leases:
            a_claimed_shop_is_not_claimed_again_until_the_lease_ends
            racing_workers_never_hold_one_shop_together
            everything_written_under_a_lost_lease_is_refused
            a_prolonged_lease_holds_longer
            what_is_asked_during_a_run_survives_its_end
            marks_made_during_a_run_survive_settling
            failed_items_are_put_off
            a_retry_waits_and_counts
            a_retry_gives_way_to_a_new_demand
            giving_up_forgets_the_scan_and_waits_for_a_new_demand
            a_dead_workers_shop_does_not_wait_for_later_demands
            a_retry_does_not_wait_for_later_demands
            what_a_run_left_undone_queues_again
            a_confirmation_counts_for_one_scan
            what_was_met_on_the_way_starts_no_run
            lease_tokens_grow_across_an_erasure);
        $crate::state_contract!(@module $fresh, mirror:
            writing_tells_what_changed
            a_dry_run_writes_nothing
            ids_are_ordered_as_numbers
            a_tombstone_hides_and_a_return_revives
            a_scan_knows_what_it_has_not_seen
            referrers_follow_the_latest_references
            the_revision_moves_with_changes_only
            shops_do_not_see_each_other);
        $crate::state_contract!(@module $fresh, poll:
            a_slot_is_opened_once
            racing_replicas_open_a_slot_once
            polled_shops_are_spread);
        $crate::state_contract!(@module $fresh, runs:
            runs_are_listed_newest_first
            old_runs_and_deliveries_are_forgotten);
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
