//! How much to ask for at a time.
//!
//! An operation starts with what its plan says. When the answer would cost too much, or does not come, half as much is
//! asked for: first of the outer list, down to one thing, then of the lists within. After some answers in a row it grows
//! again. What was learned is kept for each shop and operation, as long as the client lives.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::request::RetryBudget;
use crate::{Error, ShopClient};

/// Answers in a row after which more is asked for again.
const PATIENT: u32 = 4;
/// The same after many failures.
const MOST_PATIENT: u32 = 64;

type Key = (&'static str, i64);

/// How much an operation asks for when all is well.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) operation: &'static str,
    /// Things of the outer list.
    pub(super) first: i64,
    /// Things of the largest list within; 1 without any.
    pub(super) within: i64,
}

impl Plan {
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
pub(super) struct Size {
    plan: &'static Plan,
    /// Halvings.
    step: u32,
}

impl Size {
    pub(super) fn is_of(self, plan: &Plan) -> bool {
        self.plan.key() == plan.key()
    }

    /// Of the outer list.
    pub(super) fn first(self) -> i64 {
        let step = self.step.min(self.plan.first.ilog2());
        (self.plan.first >> step).max(1)
    }

    /// Of a list within of which `full` are asked for when all is well.
    pub(super) fn within(self, full: i64) -> i64 {
        let step = self.step.saturating_sub(self.plan.first.ilog2());
        (full >> step.min(62)).max(1)
    }

    /// Asking for less is quicker than insisting, as long as that is possible.
    pub(super) fn patience(self) -> RetryBudget {
        if self.step < self.plan.last_step() {
            RetryBudget::Reduced
        } else {
            RetryBudget::Full
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Learned {
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

impl Default for Learned {
    fn default() -> Self {
        Self {
            step: 0,
            least: 0,
            streak: 0,
            needed: PATIENT,
            grown: false,
        }
    }
}

/// What has been learned about one shop.
#[derive(Debug, Default)]
pub(crate) struct Sizes(Mutex<HashMap<Key, Learned>>);

impl Sizes {
    pub(super) fn now(&self, plan: &'static Plan) -> Size {
        let step = self.lock().entry(plan.key()).or_default().step;
        Size { plan, step }
    }

    fn answered(&self, size: Size) {
        let mut sizes = self.lock();
        let learned = sizes.entry(size.plan.key()).or_default();
        learned.streak += 1;
        if learned.streak >= learned.needed && learned.step > learned.least {
            learned.step -= 1;
            learned.streak = 0;
            learned.grown = true;
        }
    }

    /// Halves, unless another request has done so since this one was sent. `false`: there is nothing left to halve.
    fn shrink(&self, size: Size, too_dear: bool) -> bool {
        let mut sizes = self.lock();
        let learned = sizes.entry(size.plan.key()).or_default();
        learned.streak = 0;
        if size.step >= size.plan.last_step() {
            return false;
        }
        learned.step = learned.step.max(size.step + 1);
        if too_dear {
            learned.least = learned.least.max(size.step + 1);
        }
        // It had grown too soon. Shrinking alone says nothing: a shop that is down for a minute is up again after it.
        if std::mem::take(&mut learned.grown) {
            learned.needed = (learned.needed * 2).min(MOST_PATIENT);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Learned>> {
        // Nothing panics while it is held, so a poisoned lock still guards whole values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShopClient {
    /// Asks, and asks for less when it was too much. `ask` must ask for the same from the same place on, so that no
    /// size loses or doubles anything.
    pub(super) async fn sized<T, F, Answer>(
        &self,
        plan: &'static Plan,
        mut ask: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Size) -> Answer + Send,
        Answer: Future<Output = Result<T, Error>> + Send,
    {
        let sizes = &self.state.sizes;
        loop {
            let size = sizes.now(plan);
            let error = match ask(size).await {
                Ok(answer) => {
                    sizes.answered(size);
                    return Ok(answer);
                }
                Err(error) if error.suggests_smaller_page() => error,
                Err(error) => return Err(error),
            };
            let too_dear = matches!(error, Error::MaxCostExceeded { .. });
            if !sizes.shrink(size, too_dear) {
                return Err(error);
            }
            let (shop, operation, first) = (&self.shop, plan.operation, size.first());
            log::info!(shop:% = shop, operation, first; "{error}; asking for less at a time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PLAN: Plan = Plan {
        operation: "Things",
        first: 20,
        within: 50,
    };

    fn asked(sizes: &Sizes) -> (i64, i64, i64) {
        let size = sizes.now(&PLAN);
        (size.first(), size.within(50), size.within(10))
    }

    #[test]
    fn the_outer_list_is_halved_before_those_within() {
        let sizes = Sizes::default();
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
        assert_eq!(sizes.now(&PLAN).patience(), RetryBudget::Full);
    }

    #[test]
    fn requests_that_fail_together_halve_once() {
        let sizes = Sizes::default();
        let (one, other) = (sizes.now(&PLAN), sizes.now(&PLAN));
        assert!(sizes.shrink(one, false) && sizes.shrink(other, false));
        assert_eq!(asked(&sizes).0, 10);
    }

    #[test]
    fn it_grows_after_answers_in_a_row_and_later_after_it_had_grown_too_soon() {
        let sizes = Sizes::default();
        let answers_until = |first: i64| {
            let mut answers = 0;
            while sizes.now(&PLAN).first() != first {
                sizes.answered(sizes.now(&PLAN));
                answers += 1;
            }
            answers
        };
        sizes.shrink(sizes.now(&PLAN), false);
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(answers_until(20), PATIENT * 2);
        sizes.shrink(sizes.now(&PLAN), false);
        sizes.answered(sizes.now(&PLAN));
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(answers_until(20), PATIENT * 2 * 2);
        for _ in 0..10 {
            sizes.shrink(sizes.now(&PLAN), false);
            answers_until(20);
        }
        sizes.shrink(sizes.now(&PLAN), false);
        assert_eq!(answers_until(20), MOST_PATIENT);
    }

    #[test]
    fn a_size_that_costs_too_much_is_not_tried_again() {
        let sizes = Sizes::default();
        sizes.shrink(sizes.now(&PLAN), true);
        for _ in 0..1000 {
            sizes.answered(sizes.now(&PLAN));
        }
        assert_eq!(asked(&sizes).0, 10);
    }
}
