use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::{ItemChange, Mirror};
use crate::{ItemId, PortError, Section, ShopDomain};

/// The items of a snapshot: section by section in document order, each section by ascending id. Canonical JSON.
pub type ItemStream<'a> = BoxStream<'a, Result<(Section, String), PortError>>;

/// A shop's mirror at one revision, from which a layout reads what it publishes.
///
/// Only the holder of the shop's lease writes to the mirror, so it does not change while the holder reads it.
#[derive(Clone, Copy)]
pub struct MirrorReader<'a> {
    mirror: &'a dyn Mirror,
    shop: &'a ShopDomain,
    revision: u64,
    page_size: u32,
}

impl std::fmt::Debug for MirrorReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorReader")
            .field("shop", self.shop)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl<'a> MirrorReader<'a> {
    /// Reads the shop's items, which are at `revision`, in pages of `page_size`.
    pub fn new(
        mirror: &'a dyn Mirror,
        shop: &'a ShopDomain,
        revision: u64,
        page_size: u32,
    ) -> Self {
        Self {
            mirror,
            shop,
            revision,
            page_size,
        }
    }

    /// The mirror's revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// All items in document order.
    pub fn items(self) -> ItemStream<'a> {
        let sections = stream::iter(Section::ALL);
        sections
            .flat_map(move |section| {
                paged(move |last: Option<ItemId>| async move {
                    let page = self.mirror.page(self.shop, section, last, self.page_size);
                    let page = page.await?;
                    Ok(page.last().map(|item| item.id).map(|last| (page, last)))
                })
                .map(move |item| item.map(|item| (section, item.body)))
            })
            .boxed()
    }

    /// The items, tombstones included, that were changed by a revision greater than `revision`, by ascending (revision,
    /// kind, id).
    pub fn changed_since(self, revision: u64) -> BoxStream<'a, Result<ItemChange, PortError>> {
        paged(move |last| async move {
            let page = self
                .mirror
                .changed_since(self.shop, revision, last, self.page_size);
            let page = page.await?;
            let last = page.last().map(|change| (change.revision, change.key));
            Ok(last.map(|last| (page, last)))
        })
        .boxed()
    }
}

/// Streams pages, each read after the cursor of the one before, until there is none.
fn paged<'a, T, C, F>(
    read: impl Fn(Option<C>) -> F + Send + 'a,
) -> impl futures::Stream<Item = Result<T, PortError>> + Send + 'a
where
    T: Send + 'a,
    C: Send + 'a,
    F: Future<Output = Result<Option<(Vec<T>, C)>, PortError>> + Send + 'a,
{
    let pages = stream::try_unfold(None, move |last| {
        let page = read(last);
        async move { Ok(page.await?.map(|(page, last)| (page, Some(last)))) }
    });
    pages.flat_map(|page| match page {
        Ok(items) => stream::iter(items).map(Ok).left_stream(),
        Err(error) => stream::iter([Err(error)]).right_stream(),
    })
}
