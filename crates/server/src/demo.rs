//! `shopsync demo`: a simulated shop, an S3 server that checks signatures, a database and the service, all in this process.

mod check;
mod follow;
mod guide;
mod install;
mod stage;
mod variables;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use sync_core::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use self::stage::Stage;
use crate::cli::outcome::of;
use crate::cli::progress::Meter;
use crate::cli::{Exit, Failure, runtime, say, signals};
use crate::observe::Bulletin;

const HELP: &str = "\
Needs nothing: no account, no settings (those of this machine are not read), no network. Everything listens on 127.0.0.1 and keeps
its files in one folder, which is removed at the end.

The shop is installed as its merchant would install it: login, grant page, callback, webhooks. Then it is printed where
the snapshot is and what to try; whatever changes in the shop is followed until Ctrl-C.

Examples:
  shopsync demo
  shopsync demo --products 5000
  shopsync demo --catalog products_export.csv    the products of a Shopify product export
  shopsync demo --once                           a check without a terminal: installs, changes a price, ends";

/// The most products that the simulator makes.
const MOST_PRODUCTS: u64 = 200_000;

/// What is logged: what a person should look at. That Shopify is simulated is known here.
const LOG: &str = "warn,server::adapters::app=error";

/// What to try.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Take the products from this file: a product export of a shop's admin (CSV).
    #[arg(long, value_name = "FILE", conflicts_with = "products")]
    catalog: Option<PathBuf>,
    /// How many products to make up.
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=MOST_PRODUCTS))]
    products: u64,
    /// The port of the service; a free one if it is 0.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// What the made-up catalogue follows from: the same number gives the same shop.
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Keep everything in this folder, which must be new or empty, and leave it there.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Change a price, wait until the snapshot follows, and end.
    #[arg(long)]
    once: bool,
    /// What is logged: a level, or more, such as `info,server=debug`.
    #[arg(long, value_name = "FILTER", default_value = LOG)]
    log: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    // Before anything is started: a wrong file costs no time.
    let catalog = stage::catalog(arguments.catalog.as_deref(), arguments.products)?;
    runtime()?.block_on(async {
        let shutdown = signals::shutdown()?;
        let stage = Stage::set_up(arguments, catalog).await?;
        let played = tokio::select! {
            played = play(&stage, arguments.once) => played,
            () = shutdown.cancelled() => Err(Failure::new(Exit::Interrupted, "interrupted")),
            ended = stage.service_ended() => Err(ended),
        };
        let followed = match played {
            Ok(()) if !arguments.once => {
                follow_until(&stage, &shutdown).await;
                Ok(())
            }
            played => played,
        };
        let farewell = stage.farewell();
        stage.take_down().await;
        if followed.is_ok() {
            say(farewell);
        }
        followed
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The installation and what comes after it, up to the point where the visitor goes on.
async fn play(stage: &Stage, once: bool) -> Result<(), Failure> {
    say(format_args!(
        "A simulated shop with {}, an S3 server, a database and the service run on this machine.",
        of(stage.shop.product_ids().len() as u64, "product"),
    ));
    say(format_args!(
        "Installing {} as its merchant would: login, grant page, callback, webhooks.",
        stage.domain
    ));
    let began = Instant::now();
    let meter = Meter::new();
    tokio::select! {
        installed = install::install(stage) => installed?,
        () = show(&stage.service.bulletin, &meter) => {}
    }
    let snapshot = stage.snapshot().await?;
    say(format_args!(
        "The first snapshot is there: {} bytes, generation {}, {:.1} s after the installation began.",
        indicatif::HumanCount(snapshot.bytes),
        snapshot.generation,
        began.elapsed().as_secs_f64(),
    ));
    if once {
        guide::places(stage).iter().for_each(say);
        return check::price_follows(stage).await;
    }
    guide::places(stage).iter().for_each(say);
    guide::what_to_try(stage)?.iter().for_each(say);
    Ok(())
}

/// Shows the steps of all runs, for ever.
async fn show(bulletin: &Bulletin, meter: &Meter) {
    let mut heard = bulletin.listen();
    loop {
        match heard.recv().await {
            Ok(event) => meter.show(&event.progress),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Tells of each run until somebody ends it.
async fn follow_until(stage: &Stage, shutdown: &CancellationToken) {
    tokio::select! {
        () = follow::follow(stage) => {}
        () = shutdown.cancelled() => {}
        ended = stage.service_ended() => crate::cli::complain(ended.report()),
    }
}

/// How long ago something was, in seconds.
fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    (later - earlier).as_seconds_f64()
}
