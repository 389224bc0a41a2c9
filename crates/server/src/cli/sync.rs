use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanCount;
use shopify_client::Usage;
use sync_core::{
    Demand, FullScan, Outcome, PortError, Run, RunId, RunReport, ShopDomain, ShopStatus, Step,
    Trigger,
};
use tokio_util::sync::CancellationToken;

use super::outcome::{Account, Cost};
use super::progress::{Meter, Watched};
use super::{Context, Exit, Failure, complain, runtime, say, say_json, shop_argument, signals};
use crate::adapters::to_client_domain;
use crate::run_events::with_run_context;
use crate::service::{Overrides, Service};

const HELP: &str = "\
Reads the shop's whole catalogue, compares it with what is known, and uploads the document if the Space holds another one. The
first line of the result says `uploaded` or `unchanged`.

It may be run beside the service: a shop is worked on by one process at a time. If another one holds it, this command says
so, and follows that process's run or takes its turn.

Examples:
  shopsync sync my-shop
  shopsync sync my-shop --dry-run
  shopsync sync my-shop --json | jq .outcome
  shopsync sync my-shop --accept-deletions    after a run has halted because much is gone, and that is meant

Exit codes:
  0  uploaded, or unchanged; with --dry-run: compared
  1  the run failed in a way that a person must mend; the old snapshot stays
  2  the command line or the settings are wrong, or the shop is not installed
  3  the database, Shopify or the Space cannot be reached; try again later
  4  halted: too much has disappeared at once; --accept-deletions confirms it";

/// How often a shop that another process holds is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What to synchronise.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: ShopDomain,
    /// Only say what would change; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Accept that many items are gone at once.
    #[arg(long, conflicts_with = "dry_run")]
    accept_deletions: bool,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, Failure> {
    let mut settings = context.load_quietly()?;
    // Whoever interrupts this command does not want to wait for the run. It is made up for by the next one.
    settings.sync.drain = Duration::ZERO;
    runtime()?.block_on(async {
        let shutdown = signals::shutdown()?;
        let service = Service::open(settings, Overrides::default()).await?;
        let done = synchronise(&service, arguments, &shutdown).await;
        service.database.close().await;
        done
    })
}

async fn synchronise(
    service: &Service,
    arguments: &Arguments,
    shutdown: &CancellationToken,
) -> Result<ExitCode, Failure> {
    let shop = &arguments.shop;
    require_served(service, shop).await?;
    let meter = if arguments.json {
        Meter::for_people_only()
    } else {
        Meter::new()
    };
    let began = Instant::now();
    let puts = service.store.requests().uploads();
    let usage = usage_of(service, shop);
    let ran = if arguments.dry_run {
        plan(service, shop, &meter, shutdown).await
    } else {
        let accept_deletions = arguments.accept_deletions;
        scan(service, shop, accept_deletions, &meter, shutdown).await
    };
    let ran = ran.map_err(|stop| stop.failure(shop))?;
    let account = Account {
        shop: shop.clone(),
        run: ran.run,
        report: ran.report,
        took: began.elapsed(),
        cost: ran.here.then(|| {
            let puts = (puts, service.store.requests().uploads());
            Cost::between(puts, (usage, usage_of(service, shop)))
        }),
    };
    if arguments.json {
        say_json(&account.json())?;
    } else {
        account.lines().iter().for_each(say);
    }
    let refuses = is_refused(service, shop).await?;
    conclude(&account, refuses)
}

/// Whether the shop lets nobody of us in: trying again does not help until somebody acts.
async fn is_refused(service: &Service, shop: &ShopDomain) -> Result<bool, Failure> {
    let found = service.ports.registry.find(shop).await;
    let found = found.map_err(|error| Failure::of_state(&error))?;
    Ok(found.is_none_or(|shop| shop.status != ShopStatus::Active))
}

fn usage_of(service: &Service, shop: &ShopDomain) -> Usage {
    service.app.client().usage(&to_client_domain(shop))
}

/// A shop's run.
struct Ran {
    run: Option<RunId>,
    report: RunReport,
    /// Whether it was this process's.
    here: bool,
}

/// Why there is no run to report.
enum Stop {
    Interrupted,
    /// The shop is not served any more.
    NotServed(Failure),
    Port(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl Stop {
    fn failure(self, shop: &ShopDomain) -> Failure {
        match self {
            Self::Interrupted => Failure::new(Exit::Interrupted, "interrupted"),
            Self::NotServed(failure) => failure,
            Self::Port(error) => Failure::of_port(&error, shop),
        }
    }
}

/// Whether the shop's work is done at all.
async fn require_served(service: &Service, shop: &ShopDomain) -> Result<(), Failure> {
    let found = service.ports.registry.find(shop).await;
    let found = found.map_err(|error| Failure::of_state(&error))?;
    match found.map(|shop| shop.status) {
        None => Err(Failure::unknown_shop(shop)),
        Some(ShopStatus::Active | ShopStatus::Unavailable(_)) => Ok(()),
        Some(ShopStatus::Uninstalled) => Err(Failure::usage(format!(
            "the app was uninstalled from {shop}; its last snapshot stays as it is"
        ))
        .next(format!(
            "install it again: `shopsync install-url {}`",
            shop.name()
        ))),
        Some(ShopStatus::Paused) => Err(Failure::usage(format!("{shop} is paused"))
            .next("resume it where it was paused: nothing is read meanwhile")),
    }
}

/// What a full scan would change. Reads, and writes nothing.
async fn plan(
    service: &Service,
    shop: &ShopDomain,
    meter: &Meter,
    shutdown: &CancellationToken,
) -> Result<Ran, Stop> {
    let observer = Watched {
        run_events: &service.run_events,
        meter,
    };
    let report = tokio::select! {
        report = service.engine.plan(shop, &observer) => report?,
        () = shutdown.cancelled() => return Err(Stop::Interrupted),
    };
    // Closes the last bar.
    meter.show(&sync_core::progress::Progress::Finished(report.clone()));
    Ok(Ran {
        run: None,
        report,
        here: true,
    })
}

/// Asks for a full scan, and sees to it that one takes place: here, or wherever the shop is held.
async fn scan(
    service: &Service,
    shop: &ShopDomain,
    accept_deletions: bool,
    meter: &Meter,
    shutdown: &CancellationToken,
) -> Result<Ran, Stop> {
    let watch = service.run_watch();
    let before = watch.newest_run(shop).await?;
    let demand = Demand {
        full: Some(FullScan {
            trigger: Trigger::Manual,
            accept_deletions,
        }),
        ..Demand::default()
    };
    let now = service.clock.now();
    service.ports.inbox.demand(shop, &demand, now).await?;
    let observer = Watched {
        run_events: &service.run_events,
        meter,
    };
    let mut told = None;
    loop {
        let step = with_run_context(service.engine.run_next(Some(shop), &observer, shutdown));
        let mut here = None;
        let mut until = tokio::time::Instant::now();
        match step.await? {
            _ if shutdown.is_cancelled() => return Err(Stop::Interrupted),
            // Nothing is left to look up.
            Step::Ran { run, report, .. } if report.outcome == Outcome::Erased => {
                return Ok(Ran {
                    run: Some(run),
                    report,
                    here: true,
                });
            }
            Step::Ran { run, .. } => here = Some(run),
            Step::Idle { .. } => {
                require_served(service, shop)
                    .await
                    .map_err(Stop::NotServed)?;
                tell_who_works(service, shop, &mut told).await?;
                until += LOOK;
            }
        }
        let found = tokio::select! {
            found = watch.wait_for_full_run(shop, before, until) => found?,
            () = shutdown.cancelled() => return Err(Stop::Interrupted),
        };
        if let Some(Run {
            id,
            finished: Some((_, report)),
            ..
        }) = found
        {
            return Ok(Ran {
                run: Some(id),
                report,
                here: here == Some(id),
            });
        }
    }
}

/// Says once for each run of another process that it is being waited for.
async fn tell_who_works(
    service: &Service,
    shop: &ShopDomain,
    told: &mut Option<RunId>,
) -> Result<(), PortError> {
    let newest = service.ports.runs.recent(Some(shop), 1).await?;
    let Some(run) = newest.first().filter(|run| run.finished.is_none()) else {
        return Ok(());
    };
    if told.replace(run.id) != Some(run.id) {
        let since = run.started_at.format("%H:%M:%S");
        complain(format_args!(
            "another process works on {shop}: run {} ({}) since {since} UTC; waiting for it",
            run.id, run.trigger,
        ));
    }
    Ok(())
}

/// The exit code, and what to do next about a run that did not succeed.
fn conclude(account: &Account, refuses: bool) -> Result<ExitCode, Failure> {
    let shop = &account.shop;
    let name = shop.name();
    match &account.report.outcome {
        Outcome::Halted {
            kind,
            missing,
            known,
        } => Err(Failure::new(
            Exit::Halted,
            format!(
                "{} of {} items of kind {kind} have disappeared at once",
                HumanCount(*missing),
                HumanCount(*known)
            ),
        )
        .next(format!(
            "look at the shop; if it is meant: `shopsync sync {name} --accept-deletions`"
        ))),
        Outcome::Failed { will_retry, .. } => {
            let (exit, then) = match (will_retry, refuses) {
                (true, false) => (Exit::Unavailable, "a running service tries again by itself"),
                (true, true) => (
                    Exit::Failed,
                    "the shop is asked again by itself, now and then",
                ),
                (false, _) => (Exit::Failed, "it is not tried again by itself"),
            };
            Err(Failure::new(exit, "the run failed; the old snapshot stays")
                .next(format!("`shopsync doctor {name}` tells more; {then}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn concluded(outcome: Outcome, refuses: bool) -> Result<ExitCode, Failure> {
        let account = Account {
            shop: "a.myshopify.com".parse().unwrap(),
            run: None,
            report: RunReport {
                outcome,
                counts: BTreeMap::new(),
            },
            took: Duration::ZERO,
            cost: None,
        };
        conclude(&account, refuses)
    }

    #[test]
    fn a_halted_run_says_how_to_confirm() {
        let halted = Outcome::Halted {
            kind: "product".into(),
            missing: 30,
            known: 100,
        };
        let failure = concluded(halted, false).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::from(4));
        assert!(failure.report().contains("sync a --accept-deletions"));
    }

    #[test]
    fn unchanged_is_a_success() {
        let concluded = concluded(Outcome::Unchanged, false);
        assert_eq!(concluded.unwrap(), ExitCode::SUCCESS);
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for (will_retry, refuses, code) in [(true, false, 3), (true, true, 1), (false, false, 1)] {
            let error = "no answer".to_owned();
            let failure = concluded(Outcome::Failed { error, will_retry }, refuses).unwrap_err();
            assert_eq!(failure.exit_code(), ExitCode::from(code));
        }
    }
}
