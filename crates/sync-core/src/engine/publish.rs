//! From the mirror to the Space.

use futures::StreamExt;

use super::{Pass, Stop};
use crate::item::{ItemId, Section};
use crate::ports::{ItemStream, Mirror, PublishMode};
use crate::progress::Progress;
use crate::{Outcome, ShopDomain};

impl Pass<'_> {
    /// Publishes the mirror as it is. Safe to repeat: the Space is compared first, and if the process dies
    /// after an upload, the next run finds the same bytes there and only makes the note.
    pub(super) async fn publish(&mut self) -> Result<Outcome, Stop> {
        let ports = &self.engine.ports;
        let shop = self.shop();
        self.observer
            .observe(shop, Some(self.run), &Progress::Publishing);
        // Only the holder of the lease writes to the mirror, so it stands still while it is streamed.
        let revision = ports.mirror.revision(shop).await?.current;
        let items = items(ports.mirror.as_ref(), shop, self.engine.config.page_size);
        let published = ports
            .snapshots
            .publish(shop, revision, items, PublishMode::Upload)
            .await?;
        ports
            .mirror
            .mark_published(self.lease, revision, published.hash, ports.clock.now())
            .await?;
        Ok(if published.changed {
            Outcome::Published {
                key: published.key,
                sha256: published.hash.to_string(),
                bytes: published.bytes,
                generation: revision,
            }
        } else {
            Outcome::Unchanged
        })
    }
}

/// The whole mirror in document order, a page at a time.
fn items<'a>(mirror: &'a dyn Mirror, shop: &'a ShopDomain, page: u32) -> ItemStream<'a> {
    let sections = futures::stream::iter(Section::ALL);
    sections
        .flat_map(move |section| {
            let pages = futures::stream::try_unfold(Some(None), move |after| async move {
                let Some(after) = after else { return Ok(None) };
                let page = mirror.page(shop, section, after, page).await?;
                let last: Option<Option<ItemId>> = page.last().map(|item| Some(item.id));
                Ok(last.map(|last| (page, Some(last))))
            });
            pages.flat_map(move |page| match page {
                Ok(items) => futures::stream::iter(items)
                    .map(move |item| Ok((section, item.body)))
                    .left_stream(),
                Err(error) => futures::stream::iter([Err(error)]).right_stream(),
            })
        })
        .boxed()
}
