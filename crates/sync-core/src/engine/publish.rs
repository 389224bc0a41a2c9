//! Publishes the mirror's items as a snapshot in the Space.

use futures::StreamExt;

use super::{RunContext, RunError};
use crate::item::{ItemId, Section};
use crate::ports::{ItemStream, Mirror, PublishMode};
use crate::progress::Progress;
use crate::{Outcome, ShopDomain};

impl RunContext<'_> {
    /// Publishes the mirror's current revision. Safe to repeat: the Space is compared first. If the process dies after the
    /// upload, the next run finds the same bytes there and only stores the published revision.
    pub(super) async fn publish(&mut self) -> Result<Outcome, RunError> {
        let ports = &self.engine.ports;
        let shop = self.shop();
        self.observer
            .observe(shop, Some(self.run), &Progress::Publishing);
        // Only the lease holder writes to the mirror, so it does not change while it is streamed.
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

/// Streams the whole mirror in document order, a page at a time.
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
