//! Prints one line for each run while the demo is running.

use sync_core::progress::Event;
use sync_core::{Outcome, Timestamp};
use tokio::sync::broadcast::error::RecvError;

use super::environment::DemoEnvironment;
use super::seconds_between;
use crate::terminal::print_line;

/// A delivery that requests work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObservedDelivery {
    /// When the shop changed.
    changed_at: Timestamp,
    topic: String,
}

/// Prints each run as it ends, until the service ends.
pub(super) async fn watch_runs(demo: &DemoEnvironment) {
    let mut events = demo.service.run_events.subscribe();
    // Since the last run.
    let mut deliveries = Vec::new();
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Event::Delivered {
                    topic, changed_at, ..
                } = &*event
                {
                    deliveries.push(ObservedDelivery {
                        changed_at: *changed_at,
                        topic: topic.clone(),
                    });
                }
                if let Some(report) = event.finished() {
                    let now = demo.service.clock.now();
                    print_line(run_line(&report.outcome, &deliveries, now));
                    deliveries.clear();
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Formats the outcome of a run and the time since the first change that it covers.
pub(super) fn run_line(
    outcome: &Outcome,
    deliveries: &[ObservedDelivery],
    now: Timestamp,
) -> String {
    let what = match outcome {
        Outcome::Published { generation, .. } => format!("published generation {generation}"),
        Outcome::Unchanged | Outcome::WouldPublish { .. } => {
            "unchanged, nothing uploaded".to_owned()
        }
        Outcome::Erased => "erased".to_owned(),
        Outcome::Halted {
            kind,
            missing,
            known,
        } => format!("halted: {missing} of {known} items of kind {kind} disappeared at once"),
        Outcome::Failed { error, .. } => format!("failed: {error}"),
    };
    let first = deliveries.iter().min_by_key(|delivery| delivery.changed_at);
    let Some(first) = first else {
        return what;
    };
    let mut topics: Vec<_> = deliveries
        .iter()
        .map(|delivery| delivery.topic.as_str())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    format!(
        "{what}, {:.1} s after the change ({})",
        seconds_between(first.changed_at, now),
        topics.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_contains_the_time_since_the_first_change() {
        let at = |time: &str| format!("2026-11-24T10:00:{time}Z").parse().unwrap();
        let delivery = |time: &str, topic: &str| ObservedDelivery {
            changed_at: at(time),
            topic: topic.to_owned(),
        };
        let outcome = Outcome::Published {
            key: "k".into(),
            sha256: "h".into(),
            bytes: 1,
            generation: 4,
        };
        let changes = [
            delivery("00.200", "products/update"),
            delivery("00.300", "inventory_levels/update"),
            delivery("00.400", "products/update"),
        ];
        assert_eq!(
            run_line(&outcome, &changes, at("01")),
            "published generation 4, 0.8 s after the change (inventory_levels/update, products/update)"
        );
        assert_eq!(run_line(&outcome, &[], at("01")), "published generation 4");
    }
}
