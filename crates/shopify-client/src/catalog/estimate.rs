//! What reading everything of a kind by pages would take.

use std::time::Duration;

use super::{PageSizePlan, collection, discount, location, product};
use crate::ShopClient;

/// What refills the smallest bucket that Shopify documents, in points per second.
const LEAST_RATE: f64 = 100.0;

/// A list that can be read by pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PagedList {
    plan: &'static PageSizePlan,
    /// What a page costs by Shopify's rule, in points. It grows by the logarithm of the sizes only, so that a smaller page
    /// costs about the same.
    points: f64,
}

impl PagedList {
    /// At best: products of many variants take several times as long.
    pub(crate) const PRODUCTS: Self = Self::new(&product::WIDE_PAGES, 660.0);
    pub(crate) const COLLECTIONS: Self = Self::new(&collection::PAGES, 160.0);
    pub(crate) const DISCOUNTS: Self = Self::new(&discount::PAGES, 370.0);
    pub(crate) const LOCATIONS: Self = Self::new(&location::PAGES, 20.0);

    const fn new(plan: &'static PageSizePlan, points: f64) -> Self {
        Self { plan, points }
    }
}

impl ShopClient {
    /// How long the cost bucket makes a reading by pages last, at the size of page that is asked for now.
    pub(crate) fn estimated_paging_time(&self, list: PagedList, count: u64) -> Duration {
        let state = &self.state;
        let page = u64::try_from(state.sizes.now(list.plan).first()).unwrap_or(1);
        let rate = state.governor.budget().map(|budget| budget.restore_rate);
        let rate = rate.unwrap_or(LEAST_RATE);
        // What is not used is given back.
        let known = state.governor.operation_cost(list.plan.operation);
        let points = list.points * known.map_or(1.0, |cost| cost.used_ratio);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = count.div_ceil(page.max(1)) as f64 * points / rate.max(1.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}
