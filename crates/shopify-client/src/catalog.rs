//! Reading the catalogue: streams of everything, and looks at single things.
//!
//! The first page of each list within a thing comes with the thing; what follows is drained thing by thing. So at most
//! one page of things is in memory, whatever the size of the catalogue.

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

/// How many things are drained at a time.
const MAX_CONCURRENT: usize = 4;

/// A thing of the catalogue that can be listed and looked up.
trait CatalogObject: SortLists + Sized + Send + 'static {
    /// How its pages are asked for at first.
    const PAGES: &'static PageSizePlan;
    /// How it is looked up by id.
    const BATCHES: &'static PageSizePlan;
    /// Whether the list takes the filter `id:>`.
    const BY_ID_RANGE: bool;

    fn id(&self) -> &Gid;

    fn number(&self) -> u64 {
        self.id().number()
    }

    /// How the next page is asked for, after what has just come.
    fn next_plan(_page: &[PageEntry<Self>]) -> &'static PageSizePlan {
        Self::PAGES
    }

    /// One page of the list of all.
    fn page(
        shop: &ShopClient,
        size: PageSize,
        place: PagePosition,
    ) -> impl Future<Output = Result<Connection<PageEntry<Self>>, Error>> + Send;

    /// How many there are, if Shopify counts them exactly.
    fn count(shop: &ShopClient) -> impl Future<Output = Result<Option<u64>, Error>> + Send;

    /// One answer for each number, in the same order.
    fn batch(
        shop: &ShopClient,
        size: PageSize,
        numbers: &[u64],
    ) -> impl Future<Output = Result<Vec<Option<Self>>, Error>> + Send;

    /// Fetches what is missing of the lists within.
    fn complete_lists(
        &mut self,
        shop: &ShopClient,
    ) -> impl Future<Output = Result<Completion, Error>> + Send;
}

/// What became of a thing while the lists within it were drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completion {
    /// All of it is there.
    Complete,
    /// It was deleted.
    Deleted,
    /// A part of it was deleted or became something else, as this operation found: it has to be read again.
    Changed(&'static str),
}
