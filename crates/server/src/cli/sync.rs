//! `shopsync sync`: requests a full scan of a shop, runs it or waits for the process that runs it, and prints the result.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanCount;
use shopify_client::Usage;
use sync_core::{
    Outcome, PortError, Run, RunId, RunReport, ShopDomain, ShopStatus, Step, Trigger, WorkRequest,
};
use tokio_util::sync::CancellationToken;

use super::run_summary::{RunCost, RunSummary};
use super::{Context, SchemaArguments, shop_argument};
use crate::adapters::to_client_domain;
use crate::run_events::with_run_context;
use crate::service::{Overrides, Service};
use crate::terminal::progress::{DisplayObserver, ProgressDisplay};
use crate::terminal::{
    CommandError, ExitStatus, build_runtime, print_error, print_json, print_line, signals,
};

const HELP: &str = "\
Reads the shop's whole catalogue, compares it with the mirror, and uploads the document if it differs from the one in the Space.
The first line of the result is `uploaded` or `unchanged`.

You can run it beside the service. One process at a time works on a shop: if another process holds the shop's lease, this
command reports it, waits, and prints the result of that process's run or runs the scan itself.

Examples:
  shopsync sync my-shop
  shopsync sync my-shop --dry-run
  shopsync sync my-shop --json | jq .outcome
  shopsync sync my-shop --accept-deletions    after a halted run, if the disappearances are intended

Exit codes:
  0  uploaded, or unchanged; with --dry-run: compared
  1  the run failed and will not succeed without a fix; the old snapshot stays
  2  the command line or the settings are invalid, the shop is not installed, or the database must be
     migrated first
  3  the database, Shopify or the Space cannot be reached; try again later
  4  halted: too many items disappeared at once; --accept-deletions confirms it";

/// How often the command checks a shop whose lease another process holds.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The shop and the kind of scan.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: ShopDomain,
    /// Show what would change and write nothing. Neither creates nor migrates the database.
    #[arg(long)]
    dry_run: bool,
    /// Accept that many items disappeared at once.
    #[arg(long, conflicts_with = "dry_run")]
    accept_deletions: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    schema: SchemaArguments,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let mut settings = context.load_for_command()?;
    // An interrupted command ends without waiting for its run; the next run repeats the work.
    settings.sync.drain = Duration::ZERO;
    arguments.schema.apply_to(&mut settings);
    settings.database.migrate &= !arguments.dry_run;
    build_runtime()?.block_on(async {
        let shutdown = signals::shutdown_token()?;
        let service = Service::open(settings, Overrides::default()).await?;
        let done = run_sync(&service, arguments, &shutdown).await;
        service.database.close().await;
        done
    })
}

async fn run_sync(
    service: &Service,
    arguments: &Arguments,
    shutdown: &CancellationToken,
) -> Result<ExitCode, CommandError> {
    let shop = &arguments.shop;
    require_served(service, shop).await?;
    let display = if arguments.json {
        ProgressDisplay::terminal_only()
    } else {
        ProgressDisplay::new()
    };
    let began = Instant::now();
    let puts = service.store.requests().uploads();
    let usage = api_usage(service, shop);
    let completed = if arguments.dry_run {
        plan(service, shop, &display, shutdown).await
    } else {
        let accept_deletions = arguments.accept_deletions;
        scan(service, shop, accept_deletions, &display, shutdown).await
    };
    let completed = completed.map_err(|error| error.into_command_error(shop))?;
    let summary = RunSummary {
        shop: shop.clone(),
        run: completed.run,
        report: completed.report,
        elapsed: began.elapsed(),
        cost: completed.in_this_process.then(|| {
            let puts = (puts, service.store.requests().uploads());
            RunCost::between(puts, (usage, api_usage(service, shop)))
        }),
    };
    if arguments.json {
        print_json(&summary.json())?;
    } else {
        summary.text_lines().iter().for_each(print_line);
    }
    let needs_attention = needs_attention(service, shop).await?;
    exit_code(&summary, needs_attention)
}

/// Whether the shop refuses all requests, so that a retry cannot succeed before a person fixes the cause.
async fn needs_attention(service: &Service, shop: &ShopDomain) -> Result<bool, CommandError> {
    let found = service.ports.registry.find(shop).await;
    let found = found.map_err(|error| CommandError::from_state_port(&error))?;
    Ok(found.is_none_or(|shop| shop.status != ShopStatus::Active))
}

fn api_usage(service: &Service, shop: &ShopDomain) -> Usage {
    service.app.client().usage(&to_client_domain(shop))
}

/// A run that has ended.
struct CompletedRun {
    run: Option<RunId>,
    report: RunReport,
    /// Whether this process executed it.
    in_this_process: bool,
}

/// Why the command ends without a run to report.
enum SyncError {
    Interrupted,
    /// The shop is no longer served.
    NotServed(CommandError),
    Port(PortError),
}

impl From<PortError> for SyncError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl SyncError {
    fn into_command_error(self, shop: &ShopDomain) -> CommandError {
        match self {
            Self::Interrupted => CommandError::new(ExitStatus::Interrupted, "interrupted"),
            Self::NotServed(error) => error,
            Self::Port(error) => CommandError::from_port(&error, shop),
        }
    }
}

/// Fails if the shop is not installed, uninstalled or paused: no work is done for it then.
async fn require_served(service: &Service, shop: &ShopDomain) -> Result<(), CommandError> {
    let found = service.ports.registry.find(shop).await;
    let found = found.map_err(|error| CommandError::from_state_port(&error))?;
    match found.map(|shop| shop.status) {
        None => Err(CommandError::shop_not_installed(shop)),
        Some(ShopStatus::Active | ShopStatus::Unavailable(_)) => Ok(()),
        Some(ShopStatus::Uninstalled) => Err(CommandError::usage(format!(
            "the app was uninstalled from {shop}; its last snapshot stays unchanged"
        ))
        .with_remedy(format!(
            "install it again: `shopsync install-url {}`",
            shop.name()
        ))),
        Some(ShopStatus::Paused) => Err(CommandError::usage(format!("{shop} is paused"))
            .with_remedy("resume it where it was paused; a paused shop is not read")),
    }
}

/// Runs a full scan that only compares, and returns what it would change.
async fn plan(
    service: &Service,
    shop: &ShopDomain,
    display: &ProgressDisplay,
    shutdown: &CancellationToken,
) -> Result<CompletedRun, SyncError> {
    let observer = DisplayObserver {
        run_events: &service.run_events,
        display,
    };
    let report = tokio::select! {
        report = service.engine.plan(shop, &observer) => report?,
        () = shutdown.cancelled() => return Err(SyncError::Interrupted),
    };
    // Ends the last bar.
    display.show(&sync_core::progress::Progress::Finished(report.clone()));
    Ok(CompletedRun {
        run: None,
        report,
        in_this_process: true,
    })
}

/// Requests a full scan and waits until one has ended, in this process or in the one that holds the lease.
async fn scan(
    service: &Service,
    shop: &ShopDomain,
    accept_deletions: bool,
    display: &ProgressDisplay,
    shutdown: &CancellationToken,
) -> Result<CompletedRun, SyncError> {
    let watch = service.run_watch();
    let before = watch.newest_run(shop).await?;
    let mut request = WorkRequest::full(Trigger::Manual);
    if accept_deletions {
        request = request.accepting_deletions();
    }
    let now = service.clock.now();
    service.ports.inbox.request(shop, &request, now).await?;
    let observer = DisplayObserver {
        run_events: &service.run_events,
        display,
    };
    let mut reported = None;
    loop {
        let step = with_run_context(service.engine.run_next(Some(shop), &observer, shutdown));
        let mut own_run = None;
        let mut until = tokio::time::Instant::now();
        match step.await? {
            _ if shutdown.is_cancelled() => return Err(SyncError::Interrupted),
            // The shop and its runs are erased: the run cannot be looked up afterwards.
            Step::Ran { run, report, .. } if report.outcome == Outcome::Erased => {
                return Ok(CompletedRun {
                    run: Some(run),
                    report,
                    in_this_process: true,
                });
            }
            Step::Ran { run, .. } => own_run = Some(run),
            Step::Idle { .. } => {
                require_served(service, shop)
                    .await
                    .map_err(SyncError::NotServed)?;
                report_other_process(service, shop, &mut reported).await?;
                until += POLL_INTERVAL;
            }
        }
        let found = tokio::select! {
            found = watch.wait_for_full_run(shop, before, until) => found?,
            () = shutdown.cancelled() => return Err(SyncError::Interrupted),
        };
        if let Some(Run {
            id,
            finished: Some((_, report)),
            ..
        }) = found
        {
            return Ok(CompletedRun {
                run: Some(id),
                report,
                in_this_process: own_run == Some(id),
            });
        }
    }
}

/// Prints once for each run of another process that this command waits for it.
async fn report_other_process(
    service: &Service,
    shop: &ShopDomain,
    reported: &mut Option<RunId>,
) -> Result<(), PortError> {
    let newest = service.ports.runs.recent(Some(shop), 1).await?;
    let Some(run) = newest.first().filter(|run| run.finished.is_none()) else {
        return Ok(());
    };
    if reported.replace(run.id) != Some(run.id) {
        let since = run.started_at.format("%H:%M:%S");
        print_error(format_args!(
            "another process is running a scan of {shop}: run {} ({}), started at {since} UTC; waiting for it",
            run.id, run.trigger,
        ));
    }
    Ok(())
}

/// Returns the exit code of a run; of a failed or halted one an error with its remedy.
fn exit_code(summary: &RunSummary, needs_attention: bool) -> Result<ExitCode, CommandError> {
    let shop = &summary.shop;
    let name = shop.name();
    match &summary.report.outcome {
        Outcome::Halted {
            kind,
            missing,
            known,
        } => Err(CommandError::new(
            ExitStatus::Halted,
            format!(
                "{} of {} items of kind {kind} disappeared at once",
                HumanCount(*missing),
                HumanCount(*known)
            ),
        )
        .with_remedy(format!(
            "check the shop; if this is intended, run `shopsync sync {name} --accept-deletions`"
        ))),
        Outcome::Failed {
            will_retry,
            catalogue_read,
            ..
        } => {
            let (status, then) = match (will_retry, needs_attention) {
                (true, false) => (
                    ExitStatus::Unavailable,
                    "a running service retries it automatically",
                ),
                (true, true) => (
                    ExitStatus::Failed,
                    "a running service checks the shop again each hour",
                ),
                (false, _) => (ExitStatus::Failed, "it is not retried automatically"),
            };
            let what = if *catalogue_read {
                "the catalogue was read but not published; the old snapshot stays"
            } else {
                "the run failed; the old snapshot stays"
            };
            let remedy = format!("run `shopsync doctor {name}` for details; {then}");
            Err(CommandError::new(status, what).with_remedy(remedy))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn exit_code_of(outcome: Outcome, needs_attention: bool) -> Result<ExitCode, CommandError> {
        let summary = RunSummary {
            shop: "a.myshopify.com".parse().unwrap(),
            run: None,
            report: RunReport {
                outcome,
                counts: BTreeMap::new(),
            },
            elapsed: Duration::ZERO,
            cost: None,
        };
        exit_code(&summary, needs_attention)
    }

    #[test]
    fn the_remedy_of_a_halted_run_is_the_confirmation() {
        let halted = Outcome::Halted {
            kind: "product".into(),
            missing: 30,
            known: 100,
        };
        let error = exit_code_of(halted, false).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::from(4));
        assert!(error.report().contains("sync a --accept-deletions"));
    }

    #[test]
    fn unchanged_is_a_success() {
        let code = exit_code_of(Outcome::Unchanged, false);
        assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    }

    #[test]
    fn temporary_failures_have_another_exit_code_than_permanent_ones() {
        for (will_retry, needs_attention, code) in
            [(true, false, 3), (true, true, 1), (false, false, 1)]
        {
            for catalogue_read in [false, true] {
                let failed = Outcome::Failed {
                    error: "no response".to_owned(),
                    will_retry,
                    catalogue_read,
                };
                let failure = exit_code_of(failed, needs_attention).unwrap_err();
                assert_eq!(failure.exit_code(), ExitCode::from(code));
                let says_so = failure.report().contains("was read but not published");
                assert_eq!(says_so, catalogue_read);
            }
        }
    }
}
