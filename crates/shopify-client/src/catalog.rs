//! Reading the catalogue: streams of everything, and looks at single things.
//!
//! The first page of each list within a thing comes with the thing; what follows is drained thing by thing. So at most
//! one page of things is in memory, whatever the size of the catalogue.

mod chain;
mod collection;
mod count;
mod discount;
mod drain;
mod estimate;
mod inventory;
mod location;
mod lookup;
mod metafields;
mod only;
mod page;
mod product;
mod scan;
mod size;
mod subscription;

use std::future::Future;

use crate::model::{Connection, Ordered};
use crate::{Error, Gid, ShopClient};
use only::Only;
use page::Entry;
use scan::Place;
use size::{Plan, Size};

pub(crate) use discount::Node as DiscountAnswer;
pub(crate) use estimate::Listed;
pub(crate) use page::Unread;
pub(crate) use size::Sizes;

/// How many things are drained at a time.
const AT_ONCE: usize = 4;

/// A thing of the catalogue that can be listed and looked up.
trait Item: Ordered + Sized + Send + 'static {
    /// How its pages are asked for at first.
    const PAGES: &'static Plan;
    /// How it is looked up by id.
    const BATCHES: &'static Plan;
    /// Whether the list takes the filter `id:>`.
    const BY_ID_RANGE: bool;

    fn id(&self) -> &Gid;

    fn number(&self) -> u64 {
        self.id().number()
    }

    /// How the next page is asked for, after what has just come.
    fn plan_after(_page: &[Entry<Self>]) -> &'static Plan {
        Self::PAGES
    }

    /// One page of the list of all.
    fn page(
        shop: &ShopClient,
        size: Size,
        place: Place,
    ) -> impl Future<Output = Result<Connection<Entry<Self>>, Error>> + Send;

    /// How many there are, if Shopify counts them exactly.
    fn count(shop: &ShopClient) -> impl Future<Output = Result<Option<u64>, Error>> + Send;

    /// One answer for each number, in the same order.
    fn batch(
        shop: &ShopClient,
        size: Size,
        numbers: &[u64],
    ) -> impl Future<Output = Result<Vec<Option<Self>>, Error>> + Send;

    /// Fetches what is missing of the lists within.
    fn drain(&mut self, shop: &ShopClient) -> impl Future<Output = Result<Drained, Error>> + Send;
}

/// What became of a thing while the lists within it were drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// All of it is there.
    Whole,
    /// It was deleted.
    Gone,
    /// A part of it was deleted or became something else, as this operation found: it has to be read again.
    Changed(&'static str),
}
