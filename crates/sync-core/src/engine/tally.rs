//! Counts the items that a run or a plan reads, and the ones that it cannot read.

use std::collections::BTreeMap;

use super::EngineConfig;
use crate::ports::{Change, UpsertResult};
use crate::progress::Progress;
use crate::{ItemKey, ItemKind, KindCounts, PortError};

/// The counts by kind, and the quarantined items with their errors. The mirror keeps the last version of these.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<&'static str, KindCounts>,
    quarantined: BTreeMap<ItemKey, String>,
}

impl Tally {
    pub(super) fn count(&mut self, kind: ItemKind) -> &mut KindCounts {
        self.counts.entry(kind.as_str()).or_default()
    }

    /// The counts as a report has them.
    pub(super) fn report(&self) -> BTreeMap<String, KindCounts> {
        let counts = self.counts.iter();
        counts
            .map(|(kind, counts)| ((*kind).to_owned(), *counts))
            .collect()
    }

    pub(super) fn has_quarantined(&self) -> bool {
        !self.quarantined.is_empty()
    }

    /// Why an item could not be read, if it is quarantined.
    pub(super) fn error_of(&self, key: ItemKey) -> Option<&String> {
        self.quarantined.get(&key)
    }

    pub(super) fn quarantined_count(&self, kind: ItemKind) -> u64 {
        let keys = self.quarantined.keys();
        keys.filter(|key| key.kind == kind).count() as u64
    }

    /// Continues without an item. The mirror keeps its last version.
    pub(super) fn quarantine(&mut self, key: ItemKey, error: &PortError) {
        if self.quarantined.contains_key(&key) {
            return;
        }
        let reason = error.chain();
        log::warn!(item:% = key; "Could not read {key}; quarantined, its last version, if any, stays published: {reason}");
        self.quarantined.insert(key, reason);
        self.count(key.kind).failed += 1;
    }

    /// Quarantines an item of a scan.
    ///
    /// # Errors
    /// The item's error, if more items of its kind are quarantined than the limit permits: then the cause is not a
    /// single item.
    pub(super) fn quarantine_within_limit(
        &mut self,
        config: &EngineConfig,
        key: ItemKey,
        error: PortError,
    ) -> Result<(), PortError> {
        self.quarantine(key, &error);
        let counts = *self.count(key.kind);
        if config.is_too_many(counts.failed, counts.expected.unwrap_or_default()) {
            return Err(error);
        }
        Ok(())
    }

    /// Takes an item off the quarantine list once it was read or is known to be deleted.
    pub(super) fn release_from_quarantine(&mut self, key: ItemKey) {
        if self.quarantined.remove(&key).is_some() {
            self.count(key.kind).failed -= 1;
        }
    }

    /// Counts items that were written or compared.
    pub(super) fn add(&mut self, results: &[UpsertResult]) {
        for item in results {
            self.release_from_quarantine(item.key);
            let counts = self.count(item.key.kind);
            counts.read += 1;
            match item.change {
                Change::Added => counts.added += 1,
                Change::Updated => counts.changed += 1,
                Change::None => {}
            }
        }
    }

    /// How many items of a kind were read so far.
    pub(super) fn progress(&mut self, kind: ItemKind) -> Progress {
        let counts = *self.count(kind);
        Progress::Read {
            kind,
            done: counts.read,
            expected: counts.expected,
        }
    }
}
