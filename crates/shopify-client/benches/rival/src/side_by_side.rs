//! Measures several implementations in turn, so that other load on the machine affects all of them alike.

use std::time::{Duration, Instant};

const ROUNDS: usize = 301;
/// The approximate duration of a sample.
const SAMPLE: Duration = Duration::from_millis(3);

/// One of the implementations.
pub struct Contestant<'a> {
    name: &'a str,
    work: &'a mut dyn FnMut(),
    /// Nanoseconds per call.
    samples: Vec<f64>,
    batch: u32,
}

impl<'a> Contestant<'a> {
    /// Runs the work for a while to find how many calls fit into a sample.
    pub fn new(name: &'a str, work: &'a mut dyn FnMut()) -> Self {
        work();
        let start = Instant::now();
        let mut done = 0;
        while start.elapsed() < SAMPLE {
            work();
            done += 1;
        }
        Self {
            name,
            work,
            samples: Vec::with_capacity(ROUNDS),
            batch: done,
        }
    }

    fn sample(&mut self) {
        let start = Instant::now();
        for _ in 0..self.batch {
            (self.work)();
        }
        let taken = start.elapsed().as_secs_f64() * 1e9;
        self.samples.push(taken / f64::from(self.batch));
    }

    fn median(&mut self) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        self.samples[self.samples.len() / 2]
    }
}

/// Prints the medians. The first contestant is the baseline.
pub fn compare(what: &str, contestants: &mut [Contestant<'_>]) {
    for round in 0..ROUNDS {
        for turn in 0..contestants.len() {
            // Each contestant follows each other one equally often.
            let place = (turn + round) % contestants.len();
            contestants[place].sample();
        }
    }
    println!("{what}: median of {ROUNDS} samples");
    let baseline = contestants[0].median();
    for contestant in contestants {
        let median = contestant.median();
        println!(
            "  {:<34} {median:>10.0} ns {:>9.1} k/s   {:>5.2}",
            contestant.name,
            1e6 / median,
            baseline / median,
        );
    }
}
