//! Reads the catalogue: streams of all objects of a kind, look-ups by id, counts and webhook subscriptions.
//!
//! The first page of each nested list comes with its object. The remaining pages are requested object by object, so at
//! most one page of objects is in memory, whatever the size of the catalogue.

mod chain;
mod collection;
mod complete;
mod count;
mod discount;
mod estimate;
mod inventory;
mod location;
mod lookup;
mod metafields;
mod page;
mod product;
mod scan;
mod single_field;
mod sized;
mod subscription;

use std::future::Future;

use crate::model::{Connection, SortLists};
use crate::page_size::{PageSize, PageSizePlan};
use crate::{Error, Gid, ShopClient};
use page::PageEntry;
use scan::PagePosition;
use single_field::SingleField;

pub(crate) use discount::DiscountNode;
pub(crate) use estimate::PagedList;
pub(crate) use page::UnreadableObject;

/// How many objects are completed at a time.
const MAX_CONCURRENT: usize = 4;

/// An object of the catalogue that can be listed and looked up by id.
trait CatalogObject: SortLists + Sized + Send + 'static {
    /// Page sizes of the first page of the list.
    const PAGES: &'static PageSizePlan;
    /// Page sizes of a look-up by id.
    const BATCHES: &'static PageSizePlan;
    /// Whether the list accepts the filter `id:>`.
    const BY_ID_RANGE: bool;

    fn id(&self) -> &Gid;

    fn number(&self) -> u64 {
        self.id().number()
    }

    /// Page sizes of the next page, chosen by the page that has just been read.
    fn next_plan(_page: &[PageEntry<Self>]) -> &'static PageSizePlan {
        Self::PAGES
    }

    /// Requests one page of the list.
    fn page(
        shop: &ShopClient,
        size: PageSize,
        position: PagePosition,
    ) -> impl Future<Output = Result<Connection<PageEntry<Self>>, Error>> + Send;

    /// Requests the number of objects; `None` if Shopify does not count them exactly.
    fn count(shop: &ShopClient) -> impl Future<Output = Result<Option<u64>, Error>> + Send;

    /// Requests objects by number. Returns one entry for each number, in the same order.
    fn batch(
        shop: &ShopClient,
        size: PageSize,
        numbers: &[u64],
    ) -> impl Future<Output = Result<Vec<Option<Self>>, Error>> + Send;

    /// Requests the remaining pages of the nested lists.
    fn complete_lists(
        &mut self,
        shop: &ShopClient,
    ) -> impl Future<Output = Result<Completion, Error>> + Send;
}

/// What the requests for the remaining pages of an object found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completion {
    /// All nested lists are complete.
    Complete,
    /// The object was deleted.
    Deleted,
    /// The named operation found a part deleted or of another type: the object has to be read again.
    Changed(&'static str),
}
