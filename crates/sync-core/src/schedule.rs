//! Schedules the daily poll: computes when it is due and requests the full scans.

use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use tokio::sync::Notify;

use crate::ports::{Clock, PollSchedule};
use crate::{PortError, Timestamp};

/// The newest slot that is due and not yet opened, given the slot opened last.
///
/// There is one slot for each local day, at `at` in `zone`. If that time does not exist (00:00 on the day of the spring
/// change in Cairo or Havana), the slot is the first moment after the gap; if it occurs twice, the first occurrence.
/// After downtime only the newest slot is due, so that missed days cause one poll.
pub fn due_slot(
    last: Option<Timestamp>,
    now: Timestamp,
    zone: Tz,
    at: NaiveTime,
) -> Option<Timestamp> {
    let today = now.with_timezone(&zone).date_naive();
    let newest = [Some(today), today.checked_sub_days(Days::new(1))]
        .into_iter()
        .flatten()
        .map(|day| slot(day, zone, at))
        .find(|slot| *slot <= now)?;
    last.is_none_or(|last| last < newest).then_some(newest)
}

fn slot(day: NaiveDate, zone: Tz, at: NaiveTime) -> Timestamp {
    // No zone has ever jumped more than 24 hours (Samoa, 2011-12-30), and jumps are whole minutes.
    let mut minutes = (0..=24 * 60).map(|minute| day.and_time(at) + TimeDelta::minutes(minute));
    minutes
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map_or_else(|| day.and_time(at).and_utc(), |local| local.to_utc())
}

/// Opens the daily slots. A periodic job calls [`Scheduler::tick`]; the last slot is stored, so that restarts and replicas
/// neither skip nor repeat a day.
pub struct Scheduler {
    schedule: Arc<dyn PollSchedule>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    zone: Tz,
    at: NaiveTime,
    spread: Duration,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler")
            .field("zone", &self.zone)
            .field("at", &self.at)
            .field("spread", &self.spread)
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Creates a scheduler that polls every shop once a local day, at `at` in `zone`, with the shops spread over `spread`.
    pub fn new(
        schedule: Arc<dyn PollSchedule>,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
        zone: Tz,
        at: NaiveTime,
        spread: Duration,
    ) -> Self {
        Self {
            schedule,
            clock,
            wake,
            zone,
            at,
            spread,
        }
    }

    /// Opens the slot that is due, if there is one. Returns the number of shops that will be polled.
    ///
    /// # Errors
    /// When the state database cannot be reached; the next tick tries again.
    pub async fn tick(&self) -> Result<Option<u64>, PortError> {
        let now = self.clock.now();
        let last = self.schedule.last_slot().await?;
        let Some(slot) = due_slot(last, now, self.zone, self.at) else {
            return Ok(None);
        };
        let opened = self.schedule.open_slot(slot, now, self.spread).await?;
        if let Some(shops) = opened {
            log::info!(slot:% = slot.to_rfc3339(), shops; "Requested the daily full scan of {shops} shops");
            self.wake.notify_one();
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIDNIGHT: NaiveTime = NaiveTime::MIN;

    fn utc(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_tick_is_due() {
        let now = utc("2026-11-24T10:00:00Z");
        assert_eq!(
            due_slot(None, now, Tz::UTC, MIDNIGHT),
            Some(utc("2026-11-24T00:00:00Z"))
        );
    }

    #[test]
    fn a_slot_is_due_once() {
        let slot = utc("2026-11-24T00:00:00Z");
        assert_eq!(
            due_slot(Some(slot), utc("2026-11-24T23:59:59Z"), Tz::UTC, MIDNIGHT),
            None
        );
        assert_eq!(
            due_slot(Some(slot), utc("2026-11-25T00:00:00Z"), Tz::UTC, MIDNIGHT),
            Some(utc("2026-11-25T00:00:00Z"))
        );
    }

    #[test]
    fn three_days_of_downtime_make_one_slot() {
        let last = utc("2026-11-20T00:00:00Z");
        let back = utc("2026-11-23T13:00:00Z");
        let slot = due_slot(Some(last), back, Tz::UTC, MIDNIGHT);
        assert_eq!(slot, Some(utc("2026-11-23T00:00:00Z")));
        assert_eq!(due_slot(slot, back, Tz::UTC, MIDNIGHT), None);
    }

    #[test]
    fn a_midnight_that_does_not_exist_is_the_moment_after_the_gap() {
        // Clocks go from 23:59:59 to 01:00: Egypt on 2026-04-24, Cuba on 2026-03-08.
        for (zone, eve, jump) in [
            (
                Tz::Africa__Cairo,
                "2026-04-23T21:59:59Z",
                "2026-04-23T22:00:00Z",
            ),
            (
                Tz::America__Havana,
                "2026-03-08T04:59:59Z",
                "2026-03-08T05:00:00Z",
            ),
        ] {
            let last = due_slot(None, utc(eve), zone, MIDNIGHT);
            assert_eq!(due_slot(last, utc(eve), zone, MIDNIGHT), None);
            assert_eq!(
                due_slot(last, utc(jump), zone, MIDNIGHT),
                Some(utc(jump)),
                "{zone}"
            );
        }
    }

    #[test]
    fn a_time_that_comes_twice_is_taken_the_first_time() {
        let at = NaiveTime::from_hms_opt(1, 30, 0).unwrap();
        let first = utc("2026-11-01T05:30:00Z");
        let second = utc("2026-11-01T06:30:00Z");
        assert_eq!(
            due_slot(None, second, Tz::America__New_York, at),
            Some(first)
        );
        assert_eq!(
            due_slot(Some(first), second, Tz::America__New_York, at),
            None
        );
    }

    proptest! {
        /// In every zone each local day has exactly one slot, and slots are at most 49 hours apart.
        #[test]
        fn minute_by_minute_no_day_is_skipped_or_doubled(
            zone in 0..chrono_tz::TZ_VARIANTS.len(), day in 0..3650u64, minute in 0..1440u32,
        ) {
            let zone = chrono_tz::TZ_VARIANTS[zone];
            let at = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap();
            let start = utc("2020-01-01T00:00:00Z") + Days::new(day);
            let local_day = |slot: Timestamp| slot.with_timezone(&zone).date_naive();
            let mut last = due_slot(None, start, zone, at);
            let mut opened: Vec<NaiveDate> = last.into_iter().map(local_day).collect();
            for step in 0..(72 * 4) {
                let now = start + TimeDelta::minutes(15 * step);
                if let Some(slot) = due_slot(last, now, zone, at) {
                    opened.push(local_day(slot));
                    last = Some(slot);
                }
            }
            let next_days: Vec<_> = opened.iter().filter_map(NaiveDate::succ_opt).collect();
            prop_assert_eq!(&opened[1..], &next_days[..opened.len() - 1]);
            prop_assert!((3..=5).contains(&opened.len()), "{:?}", opened);
        }
    }
}
