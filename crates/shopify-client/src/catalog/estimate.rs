//! Estimates how long it takes to read a list page by page.

use std::time::Duration;

use super::{PageSizePlan, collection, discount, location, product};
use crate::ShopClient;

/// The restore rate of the smallest cost bucket that Shopify documents, in points per second.
const LEAST_RATE: f64 = 100.0;

/// A list that can be read page by page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PagedList {
    plan: &'static PageSizePlan,
    /// The cost of a page by Shopify's formula, in points. It grows with the logarithm of the sizes only, so a smaller
    /// page costs about the same.
    points: f64,
}

impl PagedList {
    /// The best case: products with many variants take several times as long.
    pub(crate) const PRODUCTS: Self = Self::new(&product::WIDE_PAGES, 660.0);
    pub(crate) const COLLECTIONS: Self = Self::new(&collection::PAGES, 160.0);
    pub(crate) const DISCOUNTS: Self = Self::new(&discount::PAGES, 370.0);
    pub(crate) const LOCATIONS: Self = Self::new(&location::PAGES, 20.0);

    const fn new(plan: &'static PageSizePlan, points: f64) -> Self {
        Self { plan, points }
    }
}

impl ShopClient {
    /// The time that the cost bucket needs to restore the points for `count` objects, at the current page size.
    pub(crate) fn estimated_paging_time(&self, list: PagedList, count: u64) -> Duration {
        let state = &self.state;
        let page = u64::try_from(state.sizes.now(list.plan).first()).unwrap_or(1);
        let rate = state.governor.budget().map(|budget| budget.restore_rate);
        let rate = rate.unwrap_or(LEAST_RATE);
        // Shopify refunds the points that a query did not use.
        let known = state.governor.operation_cost(list.plan.operation);
        let points = list.points * known.map_or(1.0, |cost| cost.used_ratio);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = count.div_ceil(page.max(1)) as f64 * points / rate.max(1.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}
