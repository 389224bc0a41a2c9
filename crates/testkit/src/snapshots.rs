//! Provides an in-memory [`SnapshotStore`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use sync_core::ports::{ItemStream, PublishMode, PublishResult, SnapshotStore, StoredSnapshot};
use sync_core::{PortError, Section, ShopDomain};

use crate::sample::hash;

/// An in-memory Space. Its documents have one line for each item, `section body`, in the order of the stream.
#[derive(Debug, Clone, Default)]
pub struct MemorySnapshots(Arc<Mutex<Objects>>);

#[derive(Debug, Default)]
struct Objects {
    documents: BTreeMap<ShopDomain, String>,
    uploads: u64,
    failures: Vec<PortError>,
}

impl MemorySnapshots {
    /// Creates an empty Space.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines of the shop's document, if there is one.
    pub fn lines(&self, shop: &ShopDomain) -> Option<Vec<String>> {
        let objects = self.objects();
        let document = objects.documents.get(shop)?;
        Some(document.lines().map(str::to_owned).collect())
    }

    /// The number of uploads.
    pub fn uploads(&self) -> u64 {
        self.objects().uploads
    }

    /// Makes the next publication fail.
    pub fn fail_next(&self, error: PortError) {
        self.objects().failures.push(error);
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SnapshotStore for MemorySnapshots {
    async fn publish(
        &self,
        shop: &ShopDomain,
        _: u64,
        mut items: ItemStream<'_>,
        mode: PublishMode,
    ) -> Result<PublishResult, PortError> {
        let mut document = String::new();
        let mut last: Option<Section> = None;
        while let Some(item) = items.next().await {
            let (section, body) = item?;
            assert!(last <= Some(section), "{section:?} comes after {last:?}");
            last = Some(section);
            document.extend([section.name(), " ", &body, "\n"]);
        }
        let mut objects = self.objects();
        if let Some(error) = objects.failures.pop() {
            return Err(error);
        }
        let changed = objects.documents.get(shop) != Some(&document);
        let published = PublishResult {
            key: format!("{shop}/shopify_data.json"),
            hash: hash(&document),
            bytes: document.len() as u64,
            changed,
        };
        if changed && mode == PublishMode::Upload {
            objects.uploads += 1;
            objects.documents.insert(shop.clone(), document);
        }
        Ok(published)
    }

    async fn inspect(&self, shop: &ShopDomain) -> Result<Option<StoredSnapshot>, PortError> {
        let objects = self.objects();
        let document = objects.documents.get(shop);
        Ok(document.map(|document| StoredSnapshot {
            key: format!("{shop}/shopify_data.json"),
            hash: hash(document),
            bytes: document.len() as u64,
        }))
    }

    async fn erase(&self, shop: &ShopDomain) -> Result<u64, PortError> {
        let removed = self.objects().documents.remove(shop);
        Ok(u64::from(removed.is_some()))
    }
}
