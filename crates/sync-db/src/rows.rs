//! Converts the domain's values to column values and back.

use chrono::DateTime;
use sync_core::{ItemId, ItemKey, ItemKind, Timestamp};

use crate::Error;

/// Microseconds since 1970-01-01 UTC.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

pub(crate) fn timestamp(micros: i64) -> Result<Timestamp, Error> {
    DateTime::from_timestamp_micros(micros).ok_or(Error::corrupt("time"))
}

pub(crate) fn optional_timestamp(micros: Option<i64>) -> Result<Option<Timestamp>, Error> {
    micros.map(timestamp).transpose()
}

pub(crate) fn id(number: i64) -> Result<ItemId, Error> {
    u64::try_from(number)
        .ok()
        .and_then(ItemId::new)
        .ok_or(Error::corrupt("item id"))
}

pub(crate) fn key(kind: &str, number: i64) -> Result<ItemKey, Error> {
    let kind: ItemKind = kind.parse().map_err(|_| Error::corrupt("item kind"))?;
    Ok(ItemKey::new(kind, id(number)?))
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
