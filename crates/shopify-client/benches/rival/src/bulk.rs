//! Measures downloading and reading a bulk result over loopback: lines per second and the peak memory of the process.
//!
//! Each reader runs in a process of its own, since the peak memory is that of a process. The readers take turns, so
//! that other load on the machine affects all of them alike.

#[path = "bulk/catalogue.rs"]
mod catalogue;
#[path = "bulk/readers.rs"]
mod readers;
#[path = "bulk/server.rs"]
mod server;

use std::process::Command;

/// The allocator of the service, for both crates (docs/adr/0009).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use catalogue::{Catalogue, CatalogueSize};
use readers::{Measurement, Reader};
use server::Server;

const ROUNDS: usize = 7;
/// The least ratio to the other crate's rate for a grouped file, in both ways of reading.
const MIN_RATIO: f64 = 1.5;
/// The memory limit for a million variants in any order, in MiB.
const MAX_MEMORY_MIB: u64 = 128;

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
    let size = CatalogueSize {
        products,
        variants: 1,
        levels: 1,
        metafields: 4,
    };
    let grouped = Catalogue::make(size);
    let shuffled = grouped.shuffled();
    println!(
        "{} products, {} lines, {} MB; medians of {rounds}",
        grouped.roots,
        grouped.lines,
        grouped.bytes() / 1_000_000
    );
    let measured = [
        (Reader::TheirsValues, &grouped),
        (Reader::OursGrouped, &grouped),
        (Reader::OursTyped, &grouped),
        (Reader::OursTyped, &shuffled),
    ];
    let servers = measured.map(|(_, catalogue)| Server::start(catalogue.text()));
    let mut samples = measured.map(|_| Vec::new());
    for round in 0..rounds {
        for turn in 0..measured.len() {
            let place = (turn + round) % measured.len();
            let (reader, catalogue) = measured[place];
            samples[place].push(run(reader, catalogue, &servers[place]));
        }
    }
    let rate = |samples: &mut Vec<Measurement>| {
        samples.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let lines = grouped.lines as f64;
        lines / samples[samples.len() / 2].seconds
    };
    let rates = samples.each_mut().map(rate);
    for (place, (reader, catalogue)) in measured.iter().enumerate() {
        let memory = samples[place]
            .iter()
            .map(|measurement| measurement.peak_mib)
            .max();
        let order = if std::ptr::eq(*catalogue, &shuffled) {
            "shuffled"
        } else {
            "grouped"
        };
        println!(
            "  {:<52} {order:<9} {:>6.0} k lines/s  {:>5.2}  {:>5} MiB",
            reader.describe(),
            rates[place] / 1e3,
            rates[place] / rates[0],
            memory.unwrap_or(0),
        );
    }
    for place in [1, 2] {
        let ratio = rates[place] / rates[0];
        let reader = measured[place].0.describe();
        assert!(
            ratio >= MIN_RATIO,
            "{reader}: only {ratio:.2} times the other crate's rate"
        );
    }
}

/// Reads a million variants with levels and metafields in any order, and compares the result with that of the grouped
/// file.
fn memory() {
    let size = CatalogueSize {
        products: 100_000,
        variants: 10,
        levels: 1,
        metafields: 1,
    };
    let grouped = Catalogue::make(size);
    let expected = run(Reader::OursDigest, &grouped, &Server::start(grouped.text()));
    let shuffled = grouped.shuffled();
    drop(grouped);
    let found = run(
        Reader::OursDigest,
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
    assert!(
        found.peak_mib <= MAX_MEMORY_MIB,
        "more than {MAX_MEMORY_MIB} MiB"
    );
}

fn run(reader: Reader, catalogue: &Catalogue, server: &Server) -> Measurement {
    let this = std::env::current_exe().expect("the path of this program");
    let output = Command::new(this)
        .args(["read", reader.name(), &server.url()])
        .args([catalogue.bytes(), catalogue.lines, catalogue.roots].map(|n| n.to_string()))
        .output()
        .expect("a process");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", reader.name());
    let measurement =
        Measurement::parse(&String::from_utf8_lossy(&output.stdout)).expect("a result");
    assert_eq!(measurement.roots, catalogue.roots, "{}", reader.name());
    measurement
}
