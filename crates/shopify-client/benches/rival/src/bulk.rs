//! Fetching and reading a bulk result over loopback: lines per second, and the most memory that a process needs for it.
//!
//! Each reading is a process of its own, since a process remembers its peak. The readings take turns, so that whatever
//! else the machine does falls on all of them alike.

#[path = "bulk/catalogue.rs"]
mod catalogue;
#[path = "bulk/readers.rs"]
mod readers;
#[path = "bulk/server.rs"]
mod server;

use std::process::Command;

/// That of the service, for both sides (docs/adr/0009).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;


use catalogue::{Catalogue, Shape};
use readers::{Reading, Task};
use server::Server;

const ROUNDS: usize = 7;
/// What a file in order must reach beside the other crate, whichever way it is read.
const LEAST_RATIO: f64 = 1.5;
/// For a million variants in any order, in MiB.
const MOST_MEMORY: u64 = 128;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("read") => readers::read(&arguments[1..]),
        Some("quick") => speed(1, 10_000),
        Some("memory") => memory(),
        _ => {
            speed(ROUNDS, 100_000);
            memory();
        }
    }
}

fn speed(rounds: usize, products: u64) {
    let shape = Shape {
        products,
        variants: 1,
        levels: 1,
        metafields: 4,
    };
    let grouped = Catalogue::make(shape);
    let shuffled = grouped.shuffled();
    println!(
        "{} products, {} lines, {} MB; medians of {rounds}",
        grouped.roots,
        grouped.lines,
        grouped.bytes() / 1_000_000
    );
    let measured = [
        (Reading::TheirsValues, &grouped),
        (Reading::OursGrouped, &grouped),
        (Reading::OursTyped, &grouped),
        (Reading::OursTyped, &shuffled),
    ];
    let servers = measured.map(|(_, catalogue)| Server::start(catalogue.text()));
    let mut samples = measured.map(|_| Vec::new());
    for round in 0..rounds {
        for turn in 0..measured.len() {
            let place = (turn + round) % measured.len();
            let (reading, catalogue) = measured[place];
            samples[place].push(run(reading, catalogue, &servers[place]));
        }
    }
    let rate = |samples: &mut Vec<Task>| {
        samples.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let lines = grouped.lines as f64;
        lines / samples[samples.len() / 2].seconds
    };
    let rates = samples.each_mut().map(rate);
    for (place, (reading, catalogue)) in measured.iter().enumerate() {
        let memory = samples[place].iter().map(|task| task.peak_mib).max();
        let order = if std::ptr::eq(*catalogue, &shuffled) {
            "shuffled"
        } else {
            "grouped"
        };
        println!(
            "  {:<52} {order:<9} {:>6.0} k lines/s  {:>5.2}  {:>5} MiB",
            reading.describe(),
            rates[place] / 1e3,
            rates[place] / rates[0],
            memory.unwrap_or(0),
        );
    }
    for place in [1, 2] {
        let ratio = rates[place] / rates[0];
        let reading = measured[place].0.describe();
        assert!(
            ratio >= LEAST_RATIO,
            "{reading}: only {ratio:.2} times the other crate's rate"
        );
    }
}

/// A million variants, their levels and metafields in any order, and the same as the grouped file.
fn memory() {
    let shape = Shape {
        products: 100_000,
        variants: 10,
        levels: 1,
        metafields: 1,
    };
    let grouped = Catalogue::make(shape);
    let expected = run(
        Reading::OursDigest,
        &grouped,
        &Server::start(grouped.text()),
    );
    let shuffled = grouped.shuffled();
    drop(grouped);
    let found = run(
        Reading::OursDigest,
        &shuffled,
        &Server::start(shuffled.text()),
    );
    println!(
        "1 M variants, {} lines, {} MB, shuffled: {:.1} s, {} MiB; grouped: {:.1} s, {} MiB; the results are {}",
        shuffled.lines,
        shuffled.bytes() / 1_000_000,
        found.seconds,
        found.peak_mib,
        expected.seconds,
        expected.peak_mib,
        if found.digest == expected.digest {
            "the same"
        } else {
            "different"
        },
    );
    assert_eq!(found.digest, expected.digest);
    assert!(found.peak_mib <= MOST_MEMORY, "more than {MOST_MEMORY} MiB");
}

fn run(reading: Reading, catalogue: &Catalogue, server: &Server) -> Task {
    let this = std::env::current_exe().expect("the path of this program");
    let output = Command::new(this)
        .args(["read", reading.name(), &server.url()])
        .args([catalogue.bytes(), catalogue.lines, catalogue.roots].map(|n| n.to_string()))
        .output()
        .expect("a process");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaint}", reading.name());
    let task = Task::parsed(&String::from_utf8_lossy(&output.stdout)).expect("a result");
    assert_eq!(task.roots, catalogue.roots, "{}", reading.name());
    task
}
