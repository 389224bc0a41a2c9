//! Defines runs and their records. A run is one execution of a shop's requested work.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::shop::ShopDomain;

/// A run's number. Later runs have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What caused a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// An installation: the first full scan.
    Backfill,
    /// The daily poll: a later full scan.
    Poll,
    /// Webhook deliveries.
    #[default]
    Webhook,
    /// A request by a person or a program.
    Manual,
}

impl Trigger {
    /// The name used in storage, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backfill => "backfill",
            Self::Poll => "poll",
            Self::Webhook => "webhook",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a name that [`Trigger::as_str`] returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown trigger `{0}`")]
pub struct UnknownTrigger(pub String);

impl FromStr for Trigger {
    type Err = UnknownTrigger;

    fn from_str(name: &str) -> Result<Self, UnknownTrigger> {
        [Self::Backfill, Self::Poll, Self::Webhook, Self::Manual]
            .into_iter()
            .find(|trigger| trigger.as_str() == name)
            .ok_or_else(|| UnknownTrigger(name.to_owned()))
    }
}

/// A run's counts for the items of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCounts {
    /// The number that the shop reported, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// The number of items read.
    pub read: u64,
    /// The number of new items.
    pub added: u64,
    /// The number of changed items.
    pub changed: u64,
    /// The number of deleted items.
    pub removed: u64,
    /// The number of items that could not be read.
    #[serde(default)]
    pub failed: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A new snapshot was uploaded to the Space.
    Published {
        /// The object key.
        key: String,
        /// The document's SHA-256 hash in hexadecimal.
        sha256: String,
        /// The document's size in bytes.
        bytes: u64,
        /// The snapshot's generation number.
        generation: u64,
    },
    /// The snapshot in the Space is current; nothing was uploaded.
    Unchanged,
    /// The result of a dry run.
    WouldPublish {
        /// The number of items that differ from the mirror.
        differences: u64,
    },
    /// The shop's data was erased.
    Erased,
    /// Too many items are missing; the old snapshot stays until a person confirms the deletions.
    Halted {
        /// The kind of the missing items.
        kind: String,
        /// The number of missing items.
        missing: u64,
        /// The number of items in the mirror before.
        known: u64,
    },
    /// The run failed; the old snapshot stays.
    Failed {
        /// The error and its causes, separated by `: `.
        error: String,
        /// Whether the run will be retried automatically.
        will_retry: bool,
        /// Whether only publishing failed: the catalogue was read and stored, and a retry does not read it again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        catalogue_read: bool,
    },
}

/// The report of a finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
    /// Its counts by kind ([`crate::ItemKind::as_str`]).
    pub counts: BTreeMap<String, KindCounts>,
}

/// The record of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The shop.
    pub shop: ShopDomain,
    /// What caused it.
    pub trigger: Trigger,
    /// Whether it was a full scan.
    pub full: bool,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended and its report; `None` while it runs, or if its process died.
    pub finished: Option<(Timestamp, RunReport)>,
}
