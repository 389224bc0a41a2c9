//! Provides an in-memory [`Publisher`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use sync_core::ports::{MirrorReader, Publication, PublishResult, Publisher, StoredSnapshot};
use sync_core::{Lease, PortError, Section, ShopDomain};

use crate::Gate;
use crate::sample::hash;

/// An in-memory Space. Its documents have one line for each item, `section body`, in the order of the stream.
#[derive(Debug, Clone, Default)]
pub struct MemorySnapshots(Arc<Mutex<Objects>>);

#[derive(Debug, Default)]
struct Objects {
    documents: BTreeMap<ShopDomain, String>,
    uploads: u64,
    failures: VecDeque<PortError>,
    failure_after_upload: Option<PortError>,
    gate: Option<Gate>,
}

impl MemorySnapshots {
    /// Creates an empty Space.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines of the shop's document; `None` if there is none.
    pub fn lines(&self, shop: &ShopDomain) -> Option<Vec<String>> {
        let objects = self.objects();
        let document = objects.documents.get(shop)?;
        Some(document.lines().map(str::to_owned).collect())
    }

    /// The number of uploads so far.
    pub fn uploads(&self) -> u64 {
        self.objects().uploads
    }

    /// Makes the next publication fail before it uploads. Each call adds one failure.
    pub fn fail_next(&self, error: PortError) {
        self.objects().failures.push_back(error);
    }

    /// Makes the next upload succeed and its response get lost.
    pub fn fail_after_upload(&self, error: PortError) {
        self.objects().failure_after_upload = Some(error);
    }

    /// Holds the next publication between writing the document and uploading it.
    pub fn hold_next(&self) -> Gate {
        let gate = Gate::default();
        self.objects().gate = Some(gate.clone());
        gate
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Publisher for MemorySnapshots {
    fn layout(&self) -> &'static str {
        "lines"
    }

    async fn publish(
        &self,
        lease: &Lease,
        mirror: MirrorReader<'_>,
        _: Option<&Publication>,
    ) -> Result<PublishResult, PortError> {
        let shop = &lease.shop;
        let mut items = mirror.items();
        let mut document = String::new();
        let mut last: Option<Section> = None;
        while let Some(item) = items.next().await {
            let (section, body) = item?;
            assert!(last <= Some(section), "{section:?} comes after {last:?}");
            last = Some(section);
            document.extend([section.name(), " ", &body, "\n"]);
        }
        let gate = self.objects().gate.take();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let mut objects = self.objects();
        if let Some(error) = objects.failures.pop_front() {
            return Err(error);
        }
        let publication = Publication {
            layout: self.layout().to_owned(),
            revision: mirror.revision(),
            generation: mirror.revision(),
            key: format!("{shop}/shopify_data.json"),
            hash: hash(&document),
            bytes: document.len() as u64,
            version: None,
        };
        let changed = objects.documents.get(shop) != Some(&document);
        if changed {
            objects.uploads += 1;
            objects.documents.insert(shop.clone(), document);
            if let Some(error) = objects.failure_after_upload.take() {
                return Err(error);
            }
        }
        Ok(PublishResult {
            publication,
            changed,
        })
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
