//! One line for each run.

use sync_core::progress::Progress;
use sync_core::{Outcome, Timestamp};
use tokio::sync::broadcast::error::RecvError;

use super::seconds_between;
use super::stage::Stage;
use super::witness::Seen;
use crate::cli::say;

/// Tells of each run as it ends, for ever.
pub(super) async fn follow(stage: &Stage) {
    let mut heard = stage.service.run_events.subscribe();
    // What came before belongs to the installation.
    stage.witness.take();
    loop {
        match heard.recv().await {
            Ok(event) => {
                if let Progress::Finished(report) = &event.progress {
                    let now = stage.service.clock.now();
                    say(line(&report.outcome, &stage.witness.take(), now));
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// What a run did, and how long after the change.
pub(super) fn line(outcome: &Outcome, seen: &[Seen], now: Timestamp) -> String {
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
    let Some(first) = seen.first() else {
        return what;
    };
    let mut topics: Vec<_> = seen.iter().map(|seen| seen.topic.as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    format!(
        "{what}, {:.1} s after the change ({})",
        seconds_between(first.at, now),
        topics.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_long_it_took_from_the_first_change() {
        let at = |time: &str| format!("2026-11-24T10:00:{time}Z").parse().unwrap();
        let seen = |time: &str, topic: &str| Seen {
            at: at(time),
            topic: topic.to_owned(),
        };
        let outcome = Outcome::Published {
            key: "k".into(),
            sha256: "h".into(),
            bytes: 1,
            generation: 4,
        };
        let changes = [
            seen("00.200", "products/update"),
            seen("00.300", "inventory_levels/update"),
            seen("00.400", "products/update"),
        ];
        assert_eq!(
            line(&outcome, &changes, at("01")),
            "published generation 4, 0.8 s after the change (inventory_levels/update, products/update)"
        );
        assert_eq!(line(&outcome, &[], at("01")), "published generation 4");
    }
}
