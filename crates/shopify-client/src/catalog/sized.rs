//! Sends requests with an adaptive page size.

use std::future::Future;

use crate::page_size::{PageSize, PageSizePlan};
use crate::request::RetryBudget;
use crate::{Error, ShopClient};

impl PageSize {
    /// A reduced budget while the page can shrink: a smaller page is quicker than more retries.
    pub(super) fn retry_budget(self) -> RetryBudget {
        if self.is_smallest() {
            RetryBudget::Full
        } else {
            RetryBudget::Reduced
        }
    }
}

impl ShopClient {
    /// Sends a request with the current page size, and again with a smaller one when it fails for its size. `request`
    /// must start at the same position for every size, so that no object is lost or repeated.
    pub(super) async fn with_page_size<T, F, ResponseFuture>(
        &self,
        plan: &'static PageSizePlan,
        mut request: F,
    ) -> Result<T, Error>
    where
        F: FnMut(PageSize) -> ResponseFuture + Send,
        ResponseFuture: Future<Output = Result<T, Error>> + Send,
    {
        let sizes = &self.state.sizes;
        loop {
            let size = sizes.now(plan);
            let error = match request(size).await {
                Ok(response) => {
                    sizes.record_success(size);
                    return Ok(response);
                }
                Err(error) if error.suggests_smaller_page() => error,
                Err(error) => return Err(error),
            };
            let over_cost_limit = matches!(error, Error::MaxCostExceeded { .. });
            if !sizes.shrink(size, over_cost_limit) {
                return Err(error);
            }
            let (shop, operation, first) = (&self.shop, plan.operation, size.first());
            log::info!(shop:% = shop, operation, first; "A page could not be read: {error}; retrying with a smaller page");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page_size::PageSizes;

    static PLAN: PageSizePlan = PageSizePlan {
        operation: "ProductsPage",
        first: 20,
        within: 50,
    };

    #[test]
    fn only_the_smallest_page_is_retried_in_full() {
        let sizes = PageSizes::default();
        assert_eq!(sizes.now(&PLAN).retry_budget(), RetryBudget::Reduced);
        while sizes.shrink(sizes.now(&PLAN), false) {}
        assert_eq!(sizes.now(&PLAN).retry_budget(), RetryBudget::Full);
    }
}
