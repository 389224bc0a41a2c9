//! Shows the progress of a run: bars on a terminal, lines at intervals elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use sync_core::ItemKind;
use sync_core::progress::{Event, Observer, Progress};

use super::print_error;
use super::text::kind_noun;
use crate::run_events::RunEvents;

/// The shortest time between two lines about the same kind.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows the progress of a run on standard error.
#[derive(Debug)]
pub(crate) struct ProgressDisplay(Mutex<DisplayMode>);

#[derive(Debug)]
enum DisplayMode {
    Bars {
        current: Option<(Phase, ProgressBar)>,
    },
    Lines {
        current: Option<(ItemKind, u64)>,
        last_line_at: Instant,
    },
    NoopObserver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading(ItemKind),
    Publishing,
}

impl ProgressDisplay {
    /// Bars if standard error is a terminal, else lines.
    pub(crate) fn new() -> Self {
        let mode = if std::io::stderr().is_terminal() {
            DisplayMode::Bars { current: None }
        } else {
            DisplayMode::Lines {
                current: None,
                last_line_at: Instant::now(),
            }
        };
        Self(Mutex::new(mode))
    }

    /// Bars if standard error is a terminal, else nothing: for commands whose result a program reads.
    pub(crate) fn terminal_only() -> Self {
        if std::io::stderr().is_terminal() {
            Self::new()
        } else {
            Self(Mutex::new(DisplayMode::NoopObserver))
        }
    }

    /// Shows a step of a run.
    pub(crate) fn show(&self, progress: &Progress) {
        let mut mode = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *mode {
            DisplayMode::Bars { current } => update_bars(current, progress),
            DisplayMode::Lines {
                current,
                last_line_at,
            } => {
                if let Some(line) = next_line(current, last_line_at, progress) {
                    print_error(line);
                }
            }
            DisplayMode::NoopObserver => {}
        }
    }
}

fn update_bars(current: &mut Option<(Phase, ProgressBar)>, progress: &Progress) {
    let phase = match progress {
        // A single item: a bar would only flash.
        Progress::Read {
            kind: ItemKind::Shop,
            ..
        } => return,
        Progress::Read { kind, .. } => Some(Phase::Reading(*kind)),
        Progress::Publishing => Some(Phase::Publishing),
        Progress::Started { .. } | Progress::Finished(_) => None,
    };
    if current.as_ref().map(|(phase, _)| *phase) != phase
        && let Some((phase, bar)) = current.take()
    {
        match phase {
            // Finished bars stay on the screen.
            Phase::Reading(_) => bar.abandon(),
            Phase::Publishing => bar.finish_and_clear(),
        }
    }
    let Some(phase) = phase else { return };
    let (_, bar) = current.get_or_insert_with(|| (phase, new_bar(phase, progress)));
    if let Progress::Read { done, expected, .. } = progress {
        bar.update(|state| {
            state.set_pos(*done);
            if let Some(expected) = expected {
                state.set_len((*expected).max(*done));
            }
        });
    }
}

fn new_bar(phase: Phase, progress: &Progress) -> ProgressBar {
    let is_counted = matches!(
        progress,
        Progress::Read {
            expected: Some(_),
            ..
        }
    );
    let (prefix, template) = match phase {
        Phase::Reading(kind) if is_counted => (
            kind_noun(kind.as_str(), 2),
            "{prefix:>12} [{bar:32}] {human_pos}/{human_len}  ETA {eta}",
        ),
        Phase::Reading(kind) => (kind_noun(kind.as_str(), 2), "{prefix:>12} {human_pos}"),
        Phase::Publishing => (
            "document".to_owned(),
            "{prefix:>12} {spinner} writing and comparing with the Space",
        ),
    };
    let bar = ProgressBar::no_length()
        .with_style(style(template))
        .with_prefix(prefix);
    if phase == Phase::Publishing {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Returns the next line to print, if any: when a kind is complete, and every [`LINE_INTERVAL`] while it is being read.
fn next_line(
    current: &mut Option<(ItemKind, u64)>,
    last_line_at: &mut Instant,
    progress: &Progress,
) -> Option<String> {
    let line_for = |kind: ItemKind, count: u64| {
        let name = kind_noun(kind.as_str(), count);
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
                *last_line_at = Instant::now();
                return line_for(before, count);
            }
            if last_line_at.elapsed() < LINE_INTERVAL {
                return None;
            }
            *last_line_at = Instant::now();
            let so_far = line_for(*kind, *done)?;
            Some(match expected {
                Some(expected) => format!("{so_far} of {}", HumanCount(*expected)),
                None => format!("{so_far} so far"),
            })
        }
        Progress::Publishing | Progress::Finished(_) => current
            .take()
            .and_then(|(kind, count)| line_for(kind, count)),
        Progress::Started { .. } => None,
    }
}

/// Passes the steps of a run to the service's subscribers and to a display.
#[derive(Debug)]
pub(crate) struct DisplayObserver<'a> {
    /// The service's subscribers.
    pub(crate) run_events: &'a RunEvents,
    /// The display.
    pub(crate) display: &'a ProgressDisplay,
}

impl Observer for DisplayObserver<'_> {
    fn observe(&self, event: &Event) {
        self.run_events.observe(event);
        if let Event::Run { progress, .. } = event {
            self.display.show(progress);
        }
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
    fn a_kind_is_reported_when_it_is_complete() {
        let (mut current, mut last_line_at) = (None, Instant::now());
        let mut line = |progress| next_line(&mut current, &mut last_line_at, &progress);
        assert_eq!(line(read(ItemKind::Shop, 1)), None);
        assert_eq!(line(read(ItemKind::Product, 50)), None);
        assert_eq!(line(read(ItemKind::Product, 3_000)), None);
        let next = line(read(ItemKind::Discount, 0));
        assert_eq!(next.as_deref(), Some("read 3,000 products"));
        assert_eq!(line(read(ItemKind::Discount, 1)), None);
        let next = line(read(ItemKind::Location, 0));
        assert_eq!(next.as_deref(), Some("read 1 discount"));
        // No locations were read, so there is no line.
        assert_eq!(line(Progress::Publishing), None);
    }

    #[test]
    fn a_long_kind_is_reported_at_intervals() {
        let mut current = Some((ItemKind::Product, 50));
        let mut last_line_at = Instant::now().checked_sub(LINE_INTERVAL).unwrap();
        let progress = read(ItemKind::Product, 1_250);
        let line = next_line(&mut current, &mut last_line_at, &progress);
        assert_eq!(line.as_deref(), Some("read 1,250 products of 3,000"));
        assert_eq!(next_line(&mut current, &mut last_line_at, &progress), None);
    }
}
