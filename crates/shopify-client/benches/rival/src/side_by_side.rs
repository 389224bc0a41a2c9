//! Measures several ways to do the same in turn, so that whatever else the machine does falls on all of them alike.

use std::time::{Duration, Instant};

const ROUNDS: usize = 301;
/// One sample takes about so long.
const SAMPLE: Duration = Duration::from_millis(3);

/// One of the ways.
pub struct Contestant<'a> {
    name: &'a str,
    work: &'a mut dyn FnMut(),
    /// Nanoseconds for one.
    samples: Vec<f64>,
    batch: u32,
}

impl<'a> Contestant<'a> {
    /// Does the work once, to see how many fit into a sample.
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

/// Prints the medians. The first contestant is the measure.
pub fn compare(what: &str, contestants: &mut [Contestant<'_>]) {
    for round in 0..ROUNDS {
        for turn in 0..contestants.len() {
            // Each comes after each other one equally often.
            let place = (turn + round) % contestants.len();
            contestants[place].sample();
        }
    }
    println!("{what}: median of {ROUNDS} samples");
    let measure = contestants[0].median();
    for contestant in contestants {
        let median = contestant.median();
        println!(
            "  {:<34} {median:>10.0} ns {:>9.1} k/s   {:>5.2}",
            contestant.name,
            1e6 / median,
            measure / median,
        );
    }
}
