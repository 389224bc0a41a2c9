//! How much to ask for at a time.
//!
//! An operation starts with what its plan says. When the answer would cost too much, or does not come, half as much is
//! asked for: first of the outer list, down to one thing, then of the lists within. After some answers in a row it grows
//! again. The state is kept for each shop and operation, as long as the client lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers in a row after which more is asked for again.
const GROW_AFTER: u32 = 4;
/// The same after many failures.
const MAX_GROW_AFTER: u32 = 64;

type Key = (&'static str, i64);

/// How much an operation asks for when all is well.
#[derive(Debug)]
pub(crate) struct PageSizePlan {
    pub(crate) operation: &'static str,
    /// Things of the outer list.
    pub(crate) first: i64,
    /// Things of the largest list within; 1 without any.
    pub(crate) within: i64,
}

impl PageSizePlan {
    /// An operation may have several plans, of different sizes.
    fn key(&self) -> Key {
        (self.operation, self.first)
    }

    /// The number of halvings after which there is nothing left to halve.
    const fn last_step(&self) -> u32 {
        self.first.ilog2() + self.within.ilog2()
    }
}

/// How much to ask for now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    plan: &'static PageSizePlan,
    /// Halvings.
    step: u32,
}

impl PageSize {
    pub(crate) fn is_of(self, plan: &PageSizePlan) -> bool {
        self.plan.key() == plan.key()
    }

    /// Of the outer list.
    pub(crate) fn first(self) -> i64 {
        let step = self.step.min(self.plan.first.ilog2());
        (self.plan.first >> step).max(1)
    }

    /// Of a list within of which `full` are asked for when all is well.
    pub(crate) fn within(self, full: i64) -> i64 {
        let step = self.step.saturating_sub(self.plan.first.ilog2());
        (full >> step.min(62)).max(1)
    }

    /// Whether there is nothing left to halve.
    pub(crate) fn is_smallest(self) -> bool {
        self.step >= self.plan.last_step()
    }
}

#[derive(Debug, Clone, Copy)]
struct SizeState {
    step: u32,
    /// Below it, an answer costs more than is allowed: that does not pass.
    least: u32,
    /// Answers in a row.
    streak: u32,
    /// Answers in a row before it grows.
    needed: u32,
    /// Whether it has grown since it last shrank.
    grown: bool,
}

impl Default for SizeState {
    fn default() -> Self {
        Self {
            step: 0,
            least: 0,
            streak: 0,
            needed: GROW_AFTER,
            grown: false,
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
        if state.streak >= state.needed && state.step > state.least {
            state.step -= 1;
            state.streak = 0;
            state.grown = true;
        }
    }

    /// Halves, unless another request has done so since this one was sent. `false`: there is nothing left to halve.
    pub(crate) fn shrink(&self, size: PageSize, over_cost_limit: bool) -> bool {
        let mut sizes = self.lock();
        let state = sizes.entry(size.plan.key()).or_default();
        state.streak = 0;
        if size.is_smallest() {
            return false;
        }
        state.step = state.step.max(size.step + 1);
        if over_cost_limit {
            state.least = state.least.max(size.step + 1);
        }
        // It had grown too soon. Shrinking alone says nothing: a shop that is down for a minute is up again after it.
        if std::mem::take(&mut state.grown) {
            state.needed = (state.needed * 2).min(MAX_GROW_AFTER);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, SizeState>> {
        // Nothing panics while it is held, so a poisoned lock still guards whole values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PLAN: PageSizePlan = PageSizePlan {
        operation: "Things",
        first: 20,
        within: 50,
    };

    fn asked(sizes: &PageSizes) -> (i64, i64, i64) {
        let size = sizes.now(&PLAN);
        (size.first(), size.within(50), size.within(10))
    }

    #[test]
    fn the_outer_list_is_halved_before_those_within() {
        let sizes = PageSizes::default();
        let mut seen = vec![asked(&sizes)];
        while sizes.shrink(sizes.now(&PLAN), false) {
            seen.push(asked(&sizes));
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
        assert_eq!(asked(&sizes).0, 10);
    }

    #[test]
    fn it_grows_after_answers_in_a_row_and_later_after_it_had_grown_too_soon() {
        let sizes = PageSizes::default();
        let answers_until = |first: i64| {
            let mut answers = 0;
            while sizes.now(&PLAN).first() != first {
                sizes.record_success(sizes.now(&PLAN));
                answers += 1;
            }
            answers
        };
        sizes.shrink(sizes.now(&PLAN), false);
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(answers_until(20), GROW_AFTER * 2);
        sizes.shrink(sizes.now(&PLAN), false);
        sizes.record_success(sizes.now(&PLAN));
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(answers_until(20), GROW_AFTER * 2 * 2);
        for _ in 0..10 {
            sizes.shrink(sizes.now(&PLAN), false);
            answers_until(20);
        }
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(answers_until(20), MAX_GROW_AFTER);
    }

    #[test]
    fn a_size_that_costs_too_much_is_not_tried_again() {
        let sizes = PageSizes::default();
        sizes.shrink(sizes.now(&PLAN), true);
        for _ in 0..1000 {
            sizes.record_success(sizes.now(&PLAN));
        }
        assert_eq!(asked(&sizes).0, 10);
    }
}
