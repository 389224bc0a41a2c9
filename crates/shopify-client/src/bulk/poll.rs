//! Determines when an operation is polled.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::BulkOptions;

/// Poll intervals that grow by half, up to a limit.
#[derive(Debug)]
pub(super) struct PollIntervals {
    next: Duration,
    longest: Duration,
}

impl PollIntervals {
    pub(super) fn new(options: &BulkOptions) -> Self {
        Self::between(options.initial_poll_interval, options.max_poll_interval)
    }

    pub(super) fn between(initial: Duration, longest: Duration) -> Self {
        Self {
            next: initial,
            longest,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let interval = self.next.min(self.longest);
        self.next = (interval + interval / 2).min(self.longest);
        interval
    }
}

/// Sleeps for `interval`, or until an operation of the shop is reported as ended.
pub(super) async fn sleep_or_notified(interval: Duration, completions: &mut watch::Receiver<u64>) {
    tokio::select! {
        () = sleep(interval) => {}
        // The sender lives as long as the client's state of the shop.
        _ = completions.changed() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_up_to_the_longest() {
        let mut intervals = PollIntervals::new(&BulkOptions::default());
        let seconds: Vec<f64> = (0..12).map(|_| intervals.next().as_secs_f64()).collect();
        assert_eq!(seconds[..4], [1.0, 1.5, 2.25, 3.375]);
        assert_eq!(seconds[10..], [30.0, 30.0]);
    }
}
