//! What a run is doing, as it goes on: bars on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use sync_core::progress::{Observer, Progress};
use sync_core::{ItemKind, RunId, ShopDomain};

use super::complain;
use super::outcome::kind_name;
use crate::run_events::RunEvents;

/// Off a terminal, how often a kind that takes long is spoken of.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows the steps of a run on standard error.
#[derive(Debug)]
pub(crate) struct Meter(Mutex<Shown>);

#[derive(Debug)]
enum Shown {
    Bars {
        current: Option<(Stage, ProgressBar)>,
    },
    Lines {
        current: Option<(ItemKind, u64)>,
        spoken: Instant,
    },
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Reading(ItemKind),
    Publishing,
}

impl Meter {
    /// Bars if standard error is a terminal, else lines.
    pub(crate) fn new() -> Self {
        let shown = if std::io::stderr().is_terminal() {
            Shown::Bars { current: None }
        } else {
            Shown::Lines {
                current: None,
                spoken: Instant::now(),
            }
        };
        Self(Mutex::new(shown))
    }

    /// As [`Meter::new`] on a terminal, else nothing: for results that a program reads.
    pub(crate) fn for_people_only() -> Self {
        if std::io::stderr().is_terminal() {
            Self::new()
        } else {
            Self(Mutex::new(Shown::Nothing))
        }
    }

    /// A step of a run.
    pub(crate) fn show(&self, progress: &Progress) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *shown {
            Shown::Bars { current } => on_bars(current, progress),
            Shown::Lines { current, spoken } => {
                if let Some(line) = next_line(current, spoken, progress) {
                    complain(line);
                }
            }
            Shown::Nothing => {}
        }
    }
}

fn on_bars(current: &mut Option<(Stage, ProgressBar)>, progress: &Progress) {
    let stage = match progress {
        // There is one, and it is read at once.
        Progress::Read {
            kind: ItemKind::Shop,
            ..
        } => return,
        Progress::Read { kind, .. } => Some(Stage::Reading(*kind)),
        Progress::Publishing => Some(Stage::Publishing),
        Progress::Started { .. } | Progress::Finished(_) => None,
    };
    if current.as_ref().map(|(stage, _)| *stage) != stage
        && let Some((stage, bar)) = current.take()
    {
        match stage {
            // What was read stays on the screen.
            Stage::Reading(_) => bar.abandon(),
            Stage::Publishing => bar.finish_and_clear(),
        }
    }
    let Some(stage) = stage else { return };
    let (_, bar) = current.get_or_insert_with(|| (stage, new_bar(stage, progress)));
    if let Progress::Read { done, expected, .. } = progress {
        bar.update(|state| {
            state.set_pos(*done);
            if let Some(expected) = expected {
                state.set_len((*expected).max(*done));
            }
        });
    }
}

fn new_bar(stage: Stage, progress: &Progress) -> ProgressBar {
    let is_counted = matches!(
        progress,
        Progress::Read {
            expected: Some(_),
            ..
        }
    );
    let (prefix, template) = match stage {
        Stage::Reading(kind) if is_counted => (
            kind_name(kind.as_str(), 2),
            "{prefix:>12} [{bar:32}] {human_pos}/{human_len}  ETA {eta}",
        ),
        Stage::Reading(kind) => (kind_name(kind.as_str(), 2), "{prefix:>12} {human_pos}"),
        Stage::Publishing => (
            "document".to_owned(),
            "{prefix:>12} {spinner} written and compared with the Space",
        ),
    };
    let bar = ProgressBar::no_length()
        .with_style(style(template))
        .with_prefix(prefix);
    if stage == Stage::Publishing {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What is worth a line. A kind is spoken of when the next one begins, and every few seconds while it goes on.
fn next_line(
    current: &mut Option<(ItemKind, u64)>,
    spoken: &mut Instant,
    progress: &Progress,
) -> Option<String> {
    let of_kind = |kind: ItemKind, count: u64| {
        let name = kind_name(kind.as_str(), count);
        (kind != ItemKind::Shop && count > 0).then(|| format!("read {} {name}", HumanCount(count)))
    };
    match progress {
        Progress::Read {
            kind,
            done,
            expected,
        } => {
            let before = current.replace((*kind, *done));
            if let Some((before, count)) = before.filter(|(before, _)| before != kind) {
                *spoken = Instant::now();
                return of_kind(before, count);
            }
            if spoken.elapsed() < BETWEEN_LINES {
                return None;
            }
            *spoken = Instant::now();
            let so_far = of_kind(*kind, *done)?;
            Some(match expected {
                Some(expected) => format!("{so_far} of {}", HumanCount(*expected)),
                None => format!("{so_far} so far"),
            })
        }
        Progress::Publishing | Progress::Finished(_) => current
            .take()
            .and_then(|(kind, count)| of_kind(kind, count)),
        Progress::Started { .. } => None,
    }
}

/// Tells both the service's listeners and the person who waits.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    /// The service's listeners.
    pub(crate) run_events: &'a RunEvents,
    /// The person.
    pub(crate) meter: &'a Meter,
}

impl Observer for Watched<'_> {
    fn observe(&self, shop: &ShopDomain, run: Option<RunId>, progress: &Progress) {
        self.run_events.observe(shop, run, progress);
        self.meter.show(progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ItemKind, done: u64) -> Progress {
        Progress::Read {
            kind,
            done,
            expected: Some(3_000),
        }
    }

    #[test]
    fn a_kind_is_spoken_of_when_it_is_read() {
        let (mut current, mut spoken) = (None, Instant::now());
        let mut line = |progress| next_line(&mut current, &mut spoken, &progress);
        assert_eq!(line(read(ItemKind::Shop, 1)), None);
        assert_eq!(line(read(ItemKind::Product, 50)), None);
        assert_eq!(line(read(ItemKind::Product, 3_000)), None);
        let next = line(read(ItemKind::Discount, 0));
        assert_eq!(next.as_deref(), Some("read 3,000 products"));
        assert_eq!(line(read(ItemKind::Discount, 1)), None);
        let next = line(read(ItemKind::Location, 0));
        assert_eq!(next.as_deref(), Some("read 1 discount"));
        // There are none.
        assert_eq!(line(Progress::Publishing), None);
    }

    #[test]
    fn a_long_kind_is_spoken_of_again_and_again() {
        let mut current = Some((ItemKind::Product, 50));
        let mut spoken = Instant::now().checked_sub(BETWEEN_LINES).unwrap();
        let progress = read(ItemKind::Product, 1_250);
        let line = next_line(&mut current, &mut spoken, &progress);
        assert_eq!(line.as_deref(), Some("read 1,250 products of 3,000"));
        assert_eq!(next_line(&mut current, &mut spoken, &progress), None);
    }
}
