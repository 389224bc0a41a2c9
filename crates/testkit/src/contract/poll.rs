//! Tests [`sync_core::ports::PollSchedule`].

use std::time::Duration;

use futures::future::join_all;
use sync_core::{ShopEvent, Trigger, UnavailableReason, WorkKind, WorkOutcome};

use super::{State, after, change_status, claim, install, noon, release};
use crate::sample::shop;

/// A slot that is open already, or older than the last one, is not opened.
pub async fn a_slot_is_opened_once(state: &dyn State) {
    assert_eq!(state.last_slot().await.unwrap(), None);
    install(state, &shop("a")).await;
    let open = async |slot| state.open_slot(slot, noon(), Duration::ZERO).await.unwrap();
    assert_eq!(open(noon()).await, Some(1));
    assert_eq!(state.last_slot().await.unwrap(), Some(noon()));
    assert_eq!(open(noon()).await, None);
    assert_eq!(open(after(-1)).await, None);
    let claimed = claim(state, noon()).await.unwrap();
    let scan = claimed.get(WorkKind::Scan).unwrap();
    assert_eq!(scan.trigger, Trigger::Poll);
    assert!(!scan.arguments.accept_deletions);
    assert_eq!(open(after(86_400)).await, Some(1));
}

/// Only one of several replicas opens a slot.
pub async fn racing_replicas_open_a_slot_once(state: &dyn State) {
    install(state, &shop("a")).await;
    let tries = (0..8).map(|_| state.open_slot(noon(), noon(), Duration::ZERO));
    let opened = join_all(tries).await;
    let opened: Vec<_> = opened.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(opened, [1]);
}

/// Active and unavailable shops are spread evenly from `now` on; others are not polled.
pub async fn polled_shops_are_spread(state: &dyn State) {
    for name in ["a", "b", "c", "d", "e", "f"] {
        install(state, &shop(name)).await;
    }
    let unavailable = ShopEvent::Refused(UnavailableReason::Locked);
    change_status(state, &shop("b"), unavailable).await;
    change_status(state, &shop("e"), ShopEvent::Paused).await;
    change_status(state, &shop("f"), ShopEvent::Uninstalled).await;
    let opened = state
        .open_slot(noon(), noon(), Duration::from_secs(400))
        .await;
    assert_eq!(opened.unwrap(), Some(4));
    for (number, name) in (0..).zip(["a", "b", "c", "d"]) {
        let due = after(number * 100);
        assert!(claim(state, after(number * 100 - 1)).await.is_none());
        let claimed = claim(state, due).await.unwrap();
        assert_eq!(claimed.lease.shop, shop(name));
        let released = release(state, &claimed.lease, WorkOutcome::Done).await;
        released.unwrap();
    }
    assert!(claim(state, after(86_400)).await.is_none());
}
