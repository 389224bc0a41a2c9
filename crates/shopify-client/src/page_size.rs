//! Adapts page sizes to what the shop can return in one response.
//!
//! An operation starts with the sizes of its plan. When a request costs too much or fails, the size is halved: first
//! that of the outer list, down to one object, then those of the nested lists. After some successes in a row it is
//! doubled again. The state is kept for each shop and operation while the client lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Successes in a row before the size grows.
const GROW_AFTER: u32 = 4;
/// The upper limit of that number, after repeated failures.
const MAX_GROW_AFTER: u32 = 64;

type Key = (&'static str, i64);

/// The full page sizes of an operation.
#[derive(Debug)]
pub(crate) struct PageSizePlan {
    pub(crate) operation: &'static str,
    /// Objects of the outer list.
    pub(crate) first: i64,
    /// Objects of the largest nested list; 1 if there is none.
    pub(crate) within: i64,
}

impl PageSizePlan {
    /// An operation may have several plans with different sizes.
    fn key(&self) -> Key {
        (self.operation, self.first)
    }

    /// The number of halvings after which all sizes are 1.
    const fn last_step(&self) -> u32 {
        self.first.ilog2() + self.within.ilog2()
    }
}

/// The current page size of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    plan: &'static PageSizePlan,
    /// The number of halvings.
    step: u32,
}

impl PageSize {
    pub(crate) fn is_of(self, plan: &PageSizePlan) -> bool {
        self.plan.key() == plan.key()
    }

    /// The size of the outer list.
    pub(crate) fn first(self) -> i64 {
        let step = self.step.min(self.plan.first.ilog2());
        (self.plan.first >> step).max(1)
    }

    /// The size of a nested list whose full size is `full`.
    pub(crate) fn within(self, full: i64) -> i64 {
        let step = self.step.saturating_sub(self.plan.first.ilog2());
        (full >> step.min(62)).max(1)
    }

    /// Whether all sizes are 1.
    pub(crate) fn is_smallest(self) -> bool {
        self.step >= self.plan.last_step()
    }
}

#[derive(Debug, Clone, Copy)]
struct SizeState {
    step: u32,
    /// With fewer halvings, a query costs more than Shopify allows. That is permanent.
    min_step: u32,
    /// Successes in a row.
    streak: u32,
    /// Successes in a row before the size grows.
    grow_after: u32,
    /// Whether the size has grown since it last shrank.
    has_grown: bool,
}

impl Default for SizeState {
    fn default() -> Self {
        Self {
            step: 0,
            min_step: 0,
            streak: 0,
            grow_after: GROW_AFTER,
            has_grown: false,
        }
    }
}

/// The page-size state of one shop.
#[derive(Debug, Default)]
pub(crate) struct PageSizes(Mutex<HashMap<Key, SizeState>>);

impl PageSizes {
    pub(crate) fn now(&self, plan: &'static PageSizePlan) -> PageSize {
        let step = self.lock().entry(plan.key()).or_default().step;
        PageSize { plan, step }
    }

    pub(crate) fn record_success(&self, size: PageSize) {
        let mut sizes = self.lock();
        let state = sizes.entry(size.plan.key()).or_default();
        state.streak += 1;
        if state.streak >= state.grow_after && state.step > state.min_step {
            state.step -= 1;
            state.streak = 0;
            state.has_grown = true;
        }
    }

    /// Halves the size, unless another request has done so since this one was sent. Returns `false` if all sizes are 1.
    pub(crate) fn shrink(&self, size: PageSize, over_cost_limit: bool) -> bool {
        let mut sizes = self.lock();
        let state = sizes.entry(size.plan.key()).or_default();
        state.streak = 0;
        if size.is_smallest() {
            return false;
        }
        state.step = state.step.max(size.step + 1);
        if over_cost_limit {
            state.min_step = state.min_step.max(size.step + 1);
        }
        // The size had grown too soon. A failure without growth before it does not count: it may be a short outage.
        if std::mem::take(&mut state.has_grown) {
            state.grow_after = (state.grow_after * 2).min(MAX_GROW_AFTER);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, SizeState>> {
        // Nothing panics while the lock is held, so a poisoned lock still guards consistent values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PLAN: PageSizePlan = PageSizePlan {
        operation: "ProductsPage",
        first: 20,
        within: 50,
    };

    fn sizes_now(sizes: &PageSizes) -> (i64, i64, i64) {
        let size = sizes.now(&PLAN);
        (size.first(), size.within(50), size.within(10))
    }

    #[test]
    fn the_outer_list_is_halved_before_nested_lists() {
        let sizes = PageSizes::default();
        let mut seen = vec![sizes_now(&sizes)];
        while sizes.shrink(sizes.now(&PLAN), false) {
            seen.push(sizes_now(&sizes));
        }
        assert_eq!(
            seen,
            [
                (20, 50, 10),
                (10, 50, 10),
                (5, 50, 10),
                (2, 50, 10),
                (1, 50, 10),
                (1, 25, 5),
                (1, 12, 2),
                (1, 6, 1),
                (1, 3, 1),
                (1, 1, 1),
            ]
        );
        assert!(sizes.now(&PLAN).is_smallest());
    }

    #[test]
    fn requests_that_fail_together_halve_once() {
        let sizes = PageSizes::default();
        let (one, other) = (sizes.now(&PLAN), sizes.now(&PLAN));
        assert!(sizes.shrink(one, false) && sizes.shrink(other, false));
        assert_eq!(sizes_now(&sizes).0, 10);
    }

    #[test]
    fn the_size_grows_after_successes_and_later_if_it_grew_too_soon() {
        let sizes = PageSizes::default();
        let successes_until = |first: i64| {
            let mut successes = 0;
            while sizes.now(&PLAN).first() != first {
                sizes.record_success(sizes.now(&PLAN));
                successes += 1;
            }
            successes
        };
        sizes.shrink(sizes.now(&PLAN), false);
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(successes_until(20), GROW_AFTER * 2);
        sizes.shrink(sizes.now(&PLAN), false);
        sizes.record_success(sizes.now(&PLAN));
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(successes_until(20), GROW_AFTER * 2 * 2);
        for _ in 0..10 {
            sizes.shrink(sizes.now(&PLAN), false);
            successes_until(20);
        }
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(successes_until(20), MAX_GROW_AFTER);
    }

    #[test]
    fn a_size_that_costs_too_much_is_not_tried_again() {
        let sizes = PageSizes::default();
        sizes.shrink(sizes.now(&PLAN), true);
        for _ in 0..1000 {
            sizes.record_success(sizes.now(&PLAN));
        }
        assert_eq!(sizes_now(&sizes).0, 10);
    }
}
