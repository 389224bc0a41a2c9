//! Publishes the mirror in the Space.

use super::run::{RunContext, RunError};
use crate::Outcome;
use crate::ports::MirrorReader;
use crate::progress::Progress;

impl RunContext<'_> {
    /// Publishes the mirror's current revision. Safe to repeat: the Space is compared first. If the process dies after the
    /// upload, the next run finds the same bytes there and only records the publication.
    pub(super) async fn publish(&mut self) -> Result<Outcome, RunError> {
        let ports = &self.engine.ports;
        let shop = self.shop();
        self.report_progress(Progress::Publishing);
        let layout = ports.publisher.layout();
        let state = ports.publications.publication_state(shop, layout).await?;
        let page_size = self.engine.config.page_size;
        let mirror = MirrorReader::new(ports.mirror.as_ref(), shop, state.revision, page_size);
        let published = ports
            .publisher
            .publish(self.lease, mirror, state.last.as_ref())
            .await?;
        let publication = published.publication;
        ports
            .publications
            .record_publication(self.lease, &publication, ports.clock.now())
            .await?;
        Ok(if published.changed {
            Outcome::Published {
                key: publication.key,
                sha256: publication.hash.to_string(),
                bytes: publication.bytes,
                generation: publication.generation,
            }
        } else {
            Outcome::Unchanged
        })
    }
}
