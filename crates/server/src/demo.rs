//! `shopsync demo`: runs a simulated shop, an S3 server that verifies signatures, a database and the service in one process.

mod environment;
mod install;
mod instructions;
mod price_check;
mod variables;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use sync_core::Timestamp;
use sync_core::progress::Event;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use self::environment::DemoEnvironment;
use crate::run_events::RunEvents;
use crate::terminal::progress::ProgressDisplay;
use crate::terminal::text::count_of;
use crate::terminal::{CommandError, ExitStatus, build_runtime, print_error, print_line, signals};

const HELP: &str = "\
Requires no account, no network and no settings (the settings of this machine are not read). Everything listens on 127.0.0.1 and
stores its files in one folder, which is deleted at the end.

The demo installs the shop as its merchant would: login, grant page, callback, webhooks. Then it prints the addresses and
commands to try, and reports each run until Ctrl-C.

Examples:
  shopsync demo
  shopsync demo --products 5000
  shopsync demo --catalog products_export.csv    with the products of a Shopify product export
  shopsync demo --once                           for scripts: install, change a price, check the snapshot, end";

/// The largest catalogue that the simulator generates.
const MAX_PRODUCTS: u64 = 200_000;

/// Logs warnings and errors, without the warning that Shopify is simulated.
const DEFAULT_LOG_FILTER: &str = "warn,server::adapters::app=error";

/// The catalogue and the mode of the demo.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Read the products from this file: a product export from a shop's admin (CSV).
    #[arg(long, value_name = "FILE", conflicts_with = "products")]
    catalog: Option<PathBuf>,
    /// How many products to generate.
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=MAX_PRODUCTS))]
    products: u64,
    /// The port of the service; 0 chooses a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// The seed of the generated catalogue: the same seed gives the same shop.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Store all files in this folder, which must be new or empty, and keep it at the end.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Change a price, wait until the snapshot shows it, and end.
    #[arg(long)]
    once: bool,
    /// The log filter: a level, or a list such as `info,server=debug`.
    #[arg(long, value_name = "FILTER", default_value = DEFAULT_LOG_FILTER)]
    log: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    // Read before anything starts, so that an invalid file fails at once.
    let catalog = environment::catalog_spec(arguments.catalog.as_deref(), arguments.products)?;
    build_runtime()?.block_on(async {
        let shutdown = signals::shutdown_token()?;
        let demo = DemoEnvironment::start(arguments, catalog).await?;
        let finished = tokio::select! {
            finished = install_and_print(&demo, arguments.once) => finished,
            () = shutdown.cancelled() => Err(CommandError::new(ExitStatus::Interrupted, "interrupted")),
            ended = demo.service_ended() => Err(ended),
        };
        let result = match finished {
            Ok(()) if !arguments.once => {
                watch_until_shutdown(&demo, &shutdown).await;
                Ok(())
            }
            finished => finished,
        };
        let closing_message = demo.closing_message();
        demo.stop().await;
        if result.is_ok() {
            print_line(closing_message);
        }
        result
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Installs the shop, waits for its first snapshot, and prints the addresses and commands. With `once` it checks a price
/// change instead of printing commands.
async fn install_and_print(demo: &DemoEnvironment, once: bool) -> Result<(), CommandError> {
    print_line(format_args!(
        "A simulated shop with {}, an S3 server, a database and the service are running on this machine.",
        count_of(demo.shop.product_ids().len() as u64, "product"),
    ));
    print_line(format_args!(
        "Installing {} as its merchant would: login, grant page, callback, webhooks.",
        demo.domain
    ));
    let began = Instant::now();
    let display = ProgressDisplay::new();
    tokio::select! {
        installed = install::install(demo) => installed?,
        () = show_progress(&demo.service.run_events, &display) => {}
    }
    let snapshot = demo.snapshot().await?;
    print_line(format_args!(
        "The first snapshot is published: {} bytes, generation {}, {:.1} s after the start of the installation.",
        indicatif::HumanCount(snapshot.bytes),
        snapshot.generation,
        began.elapsed().as_secs_f64(),
    ));
    if once {
        instructions::addresses(demo).iter().for_each(print_line);
        return price_check::run(demo).await;
    }
    instructions::addresses(demo).iter().for_each(print_line);
    instructions::commands(demo)?.iter().for_each(print_line);
    Ok(())
}

/// Shows the progress of all runs; never returns.
async fn show_progress(run_events: &RunEvents, display: &ProgressDisplay) {
    let mut events = run_events.subscribe();
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Event::Run { progress, .. } = &*event {
                    display.show(progress);
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Reports each run until a signal arrives or the service ends.
async fn watch_until_shutdown(demo: &DemoEnvironment, shutdown: &CancellationToken) {
    tokio::select! {
        () = watch::watch_runs(demo) => {}
        () = shutdown.cancelled() => {}
        ended = demo.service_ended() => print_error(ended.report()),
    }
}

/// Returns the time between two instants in seconds.
fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    (later - earlier).as_seconds_f64()
}
