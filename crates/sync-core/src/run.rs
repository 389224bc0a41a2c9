//! Runs: one worker pass over one shop, and its record.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::shop::ShopDomain;

/// A run's number; grows with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// An installation: the first full scan.
    Backfill,
    /// The daily poll: a later full scan.
    Poll,
    /// Deliveries: only the items they named.
    Webhook,
    /// A person or a program asked.
    Manual,
}

impl Trigger {
    /// The word used in storage, logs and the API.
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

/// The word is not a trigger that [`Trigger::as_str`] writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown trigger `{0}`")]
pub struct UnknownTrigger(pub String);

impl FromStr for Trigger {
    type Err = UnknownTrigger;

    fn from_str(word: &str) -> Result<Self, UnknownTrigger> {
        [Self::Backfill, Self::Poll, Self::Webhook, Self::Manual]
            .into_iter()
            .find(|trigger| trigger.as_str() == word)
            .ok_or_else(|| UnknownTrigger(word.to_owned()))
    }
}

/// What happened to the items of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCounts {
    /// How many the shop said it has, when it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// How many were read.
    pub read: u64,
    /// How many were new.
    pub added: u64,
    /// How many had changed.
    pub changed: u64,
    /// How many were gone.
    pub removed: u64,
    /// How many could not be read.
    #[serde(default)]
    pub failed: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A new snapshot is in the Space.
    Published {
        /// Its object key.
        key: String,
        /// Its hash, in hexadecimal.
        sha256: String,
        /// Its size.
        bytes: u64,
        /// Its number.
        generation: u64,
    },
    /// The snapshot in the Space is already right; nothing was uploaded.
    Unchanged,
    /// A dry run: what would be uploaded.
    WouldPublish {
        /// How many items differ from the mirror.
        differences: u64,
    },
    /// The shop's data was erased.
    Erased,
    /// Too much disappeared at once; the old snapshot stays until a person confirms.
    Halted {
        /// The kind that disappeared.
        kind: String,
        /// How many of them.
        missing: u64,
        /// Out of how many.
        known: u64,
    },
    /// It failed; the old snapshot stays.
    Failed {
        /// The chain of causes.
        error: String,
        /// Whether it will be tried again by itself.
        will_retry: bool,
    },
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, by kind ([`crate::ItemKind::as_str`]).
    pub counts: BTreeMap<String, KindCounts>,
}

/// A run as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The shop.
    pub shop: ShopDomain,
    /// What set it off.
    pub trigger: Trigger,
    /// Whether it read the whole catalogue.
    pub full: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended and what it did; `None` while it runs, or if its process died.
    pub finished: Option<(Timestamp, RunReport)>,
}
