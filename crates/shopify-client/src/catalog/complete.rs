use std::future::Future;

use super::chain::CursorChain;
use super::{CatalogObject, Completion, PageSize, PageSizePlan};
use crate::model::Connection;
use crate::{Error, ShopClient};

/// How often a thing that changes while it is drained is read again.
const MAX_READS: u32 = 3;

impl ShopClient {
    /// Appends the pages that follow the first one. `ask` answers `None` when the parent is no more.
    ///
    /// Returns whether the parent was still there.
    pub(super) async fn append_remaining_pages<T, F, Answer>(
        &self,
        plan: &'static PageSizePlan,
        list: &mut Connection<T>,
        mut ask: F,
    ) -> Result<bool, Error>
    where
        T: Send,
        F: FnMut(PageSize, String) -> Answer + Send,
        Answer: Future<Output = Result<Option<Connection<T>>, Error>> + Send,
    {
        let mut chain = CursorChain::new(plan.operation);
        while let Some(after) = chain.next(list.page())? {
            let Some(next) = self
                .with_page_size(plan, |size| ask(size, after.clone()))
                .await?
            else {
                return Ok(false);
            };
            list.append(next);
        }
        Ok(true)
    }

    /// Makes a thing whole; `None` if it was deleted in the meantime.
    ///
    /// When a part of it vanishes, what was read of it is of two minds: it is read again, and if that happens over and
    /// over, the caller is told.
    pub(super) async fn complete_object<T: CatalogObject>(
        &self,
        mut item: T,
    ) -> Result<Option<T>, Error> {
        let mut readings = 1;
        loop {
            match item.complete_lists(self).await? {
                Completion::Complete => {
                    item.sort_lists();
                    return Ok(Some(item));
                }
                Completion::Deleted => return Ok(None),
                Completion::Changed(operation) if readings >= MAX_READS => {
                    return Err(Error::BrokenPaging { operation });
                }
                Completion::Changed(_) => readings += 1,
            }
            let mut again = self.batch::<T>(&[item.number()]).await?;
            match again.pop().flatten() {
                Some(read) => item = read,
                None => return Ok(None),
            }
        }
    }
}
