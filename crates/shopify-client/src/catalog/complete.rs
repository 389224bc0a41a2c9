//! Completes objects: requests the pages that follow the first page of each nested list.

use std::future::Future;

use super::chain::CursorChain;
use super::{CatalogObject, Completion, PageSize, PageSizePlan};
use crate::model::Connection;
use crate::{Error, ShopClient};

/// How many times an object that changes during completion is read.
const MAX_READS: u32 = 3;

impl ShopClient {
    /// Appends the pages that follow the first one. `request` returns `None` when the parent was deleted.
    ///
    /// Returns whether the parent still exists.
    pub(super) async fn append_remaining_pages<T, F, ResponseFuture>(
        &self,
        plan: &'static PageSizePlan,
        list: &mut Connection<T>,
        mut request: F,
    ) -> Result<bool, Error>
    where
        T: Send,
        F: FnMut(PageSize, String) -> ResponseFuture + Send,
        ResponseFuture: Future<Output = Result<Option<Connection<T>>, Error>> + Send,
    {
        let mut chain = CursorChain::new(plan.operation);
        while let Some(after) = chain.next(list.page())? {
            let Some(next) = self
                .with_page_size(plan, |size| request(size, after.clone()))
                .await?
            else {
                return Ok(false);
            };
            list.append(next);
        }
        Ok(true)
    }

    /// Completes an object; `None` if it was deleted meanwhile.
    ///
    /// If a part of the object is deleted between two pages, the pages are inconsistent, so the object is read again.
    ///
    /// # Errors
    /// [`Error::BrokenPaging`] if it changed during each of [`MAX_READS`] reads.
    pub(super) async fn complete_object<T: CatalogObject>(
        &self,
        mut item: T,
    ) -> Result<Option<T>, Error> {
        let mut reads = 1;
        loop {
            match item.complete_lists(self).await? {
                Completion::Complete => {
                    item.sort_lists();
                    return Ok(Some(item));
                }
                Completion::Deleted => return Ok(None),
                Completion::Changed(operation) if reads >= MAX_READS => {
                    return Err(Error::BrokenPaging { operation });
                }
                Completion::Changed(_) => reads += 1,
            }
            let mut reread = self.batch::<T>(&[item.number()]).await?;
            match reread.pop().flatten() {
                Some(read) => item = read,
                None => return Ok(None),
            }
        }
    }
}
