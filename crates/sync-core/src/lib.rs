#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod delivery;
pub mod engine;
pub mod error;
pub mod intake;
pub mod item;
pub mod ports;
pub mod progress;
pub mod run;
pub mod schedule;
pub mod shop;
pub mod token;
pub mod work;

/// An instant in UTC. It comes from a [`ports::Clock`] or from an external message, never from the system clock.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

pub use delivery::{Delivery, DeliveryId, DeliverySubject};
pub use engine::{Engine, EngineConfig, Ports, Step};
pub use error::{Disposition, PortError, UnavailableReason, error_chain};
pub use item::{ContentHash, Item, ItemId, ItemKey, ItemKind, Section};
pub use run::{KindCounts, Outcome, Run, RunId, RunReport, Trigger};
pub use shop::{Installation, InvalidShopDomain, Shop, ShopDomain, ShopEvent, ShopStatus};
pub use token::{Token, TokenAttempt, TokenPurpose, VersionedToken};
pub use work::{
    Claim, ClaimOutcome, ClaimedWork, DirtyItem, ItemFailure, Lease, RecordOutcome, Settlement,
    WorkArguments, WorkKind, WorkOutcome, WorkRequest,
};
