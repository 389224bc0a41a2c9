//! `shopsync shops`: lists the installed shops with their state, last run, publication and item counts.

use std::process::ExitCode;

use clap::Args;
use indicatif::HumanCount;
use serde_json::json;
use sync_core::ports::{Mirror, RunLog, ShopRegistry};
use sync_core::{ItemKind, Outcome, PortError, Run, Shop, Timestamp};
use sync_db::Database;

use super::Context;
use crate::service::open_database;
use crate::terminal::{CommandError, build_runtime, print_json, print_line};

const HELP: &str = "\
STATE is active, paused, uninstalled, or the reason why Shopify refuses requests: unauthorized, forbidden, frozen, locked,
not_found. docs/operations.md explains how to fix each. Times are in UTC.

Examples:
  shopsync shops
  shopsync shops --json | jq -r '.[] | select(.state != \"active\") | .shop'";

/// How many shops are read per query.
const PAGE: u32 = 200;

/// The output format.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A shop with its last run and its item counts.
struct Row {
    shop: Shop,
    last_run: Option<Run>,
    /// Item counts by kind.
    items: Vec<(ItemKind, u64)>,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let settings = context.load_for_command()?;
    let rows = build_runtime()?.block_on(async {
        let database = open_database(&settings).await?;
        let rows = rows(&database).await;
        database.close().await;
        rows.map_err(|error| CommandError::from_state_port(&error))
    })?;
    if arguments.json {
        print_json(&rows.iter().map(Row::json).collect::<Vec<_>>())?;
    } else if rows.is_empty() {
        print_line(
            "No shop is installed. `shopsync install-url SHOP` prints the address that installs one.",
        );
    } else {
        table(&rows).iter().for_each(print_line);
    }
    Ok(ExitCode::SUCCESS)
}

async fn rows(database: &Database) -> Result<Vec<Row>, PortError> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.shop.domain.clone());
        let page = database.list(after.as_ref(), PAGE).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        for shop in page {
            let runs = database.recent(Some(&shop.domain), 1).await?;
            let items = database.counts(&shop.domain).await?;
            rows.push(Row {
                last_run: runs.into_iter().next(),
                items: items.into_iter().collect(),
                shop,
            });
        }
    }
}

impl Row {
    fn count(&self) -> u64 {
        self.items.iter().map(|(_, count)| count).sum()
    }

    fn json(&self) -> serde_json::Value {
        let shop = &self.shop;
        let items: serde_json::Map<_, _> = self
            .items
            .iter()
            .map(|(kind, count)| (kind.to_string(), (*count).into()))
            .collect();
        json!({
            "shop": shop.domain,
            "state": shop.status.as_str(),
            "installed_at": shop.installed_at,
            "scopes": shop.scopes,
            "reconciled_at": shop.reconciled_at,
            "published": shop.published.map(|(at, generation, hash)| json!({
                "at": at, "generation": generation, "sha256": hash.to_string(),
            })),
            "items": items,
            "last_run": self.last_run.as_ref().map(|run| json!({
                "run": run.id.0,
                "trigger": run.trigger.as_str(),
                "full": run.full,
                "started_at": run.started_at,
                "finished_at": run.finished.as_ref().map(|(at, _)| at),
                "result": run.finished.as_ref().map(|(_, report)| &report.outcome),
            })),
        })
    }

    fn cells(&self) -> [String; 5] {
        let shop = &self.shop;
        let published = shop.published.map_or_else(
            || "never".to_owned(),
            |(at, generation, _)| format!("{} (generation {generation})", format_time(at)),
        );
        [
            shop.domain.to_string(),
            shop.status.as_str().to_owned(),
            self.last_run
                .as_ref()
                .map_or_else(|| "none".to_owned(), run_summary),
            published,
            HumanCount(self.count()).to_string(),
        ]
    }

    /// Why the last run failed or halted, as a line below the row.
    fn problem(&self) -> Option<String> {
        let (_, report) = self.last_run.as_ref()?.finished.as_ref()?;
        match &report.outcome {
            Outcome::Failed {
                error, will_retry, ..
            } => {
                let then = if *will_retry {
                    "it will be retried"
                } else {
                    "it will not be retried"
                };
                Some(format!("{error} ({then})"))
            }
            Outcome::Halted {
                kind,
                missing,
                known,
            } => Some(format!(
                "{missing} of {known} items of kind {kind} disappeared at once; if this is intended, run: \
                 shopsync sync {} --accept-deletions",
                self.shop.domain.name(),
            )),
            _ => None,
        }
    }
}

fn format_time(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// Formats a run's outcome, start time, trigger and number.
fn run_summary(run: &Run) -> String {
    let outcome = match run.finished.as_ref().map(|(_, report)| &report.outcome) {
        None => "running",
        Some(Outcome::Published { .. }) => "uploaded",
        Some(Outcome::Unchanged | Outcome::WouldPublish { .. }) => "unchanged",
        Some(Outcome::Erased) => "erased",
        Some(Outcome::Halted { .. }) => "halted",
        Some(Outcome::Failed { .. }) => "failed",
    };
    format!(
        "{outcome} {} ({} {})",
        format_time(run.started_at),
        run.trigger,
        run.id
    )
}

/// Formats the rows as aligned columns below headings, each followed by its problem if it has one.
fn table(rows: &[Row]) -> Vec<String> {
    let headings = ["SHOP", "STATE", "LAST RUN", "PUBLISHED", "ITEMS"].map(str::to_owned);
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let all = std::iter::once(&headings).chain(&cells);
        all.map(|row| row[column].len()).max().unwrap_or_default()
    });
    let line = |row: &[String; 5]| {
        // The last column contains numbers and is right-aligned.
        let (items, texts) = row.split_last()?;
        let (width, text_widths) = widths.split_last()?;
        let padded = texts.iter().zip(text_widths);
        let texts: Vec<_> = padded
            .map(|(text, width)| format!("{text:width$}"))
            .collect();
        Some(format!("{}  {items:>width$}", texts.join("  ")))
    };
    let mut lines: Vec<_> = line(&headings).into_iter().collect();
    for (row, cells) in rows.iter().zip(&cells) {
        lines.extend(line(cells));
        lines.extend(row.problem().map(|problem| format!("  {problem}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use sync_core::{ContentHash, RunId, RunReport, ShopStatus, Trigger};

    fn row(outcome: Outcome) -> Row {
        let at = "2026-11-24T12:00:01Z".parse().unwrap();
        let report = RunReport {
            outcome,
            counts: BTreeMap::new(),
        };
        Row {
            shop: Shop {
                domain: "a.myshopify.com".parse().unwrap(),
                status: ShopStatus::Active,
                installed_at: at,
                scopes: vec!["read_products".into()],
                reconciled_at: None,
                published: Some((at, 3, ContentHash([1; 32]))),
            },
            last_run: Some(Run {
                id: RunId(17),
                shop: "a.myshopify.com".parse().unwrap(),
                trigger: Trigger::Poll,
                full: true,
                started_at: at,
                finished: Some((at, report)),
            }),
            items: vec![(ItemKind::Shop, 1), (ItemKind::Product, 1_200)],
        }
    }

    #[test]
    fn columns_are_aligned_with_their_headings() {
        let lines = table(&[row(Outcome::Unchanged)]);
        assert_eq!(
            lines,
            [
                "SHOP             STATE   LAST RUN                              PUBLISHED                        ITEMS",
                "a.myshopify.com  active  unchanged 2026-11-24 12:00 (poll 17)  2026-11-24 12:00 (generation 3)  1,201",
            ]
        );
    }

    #[test]
    fn a_problem_gets_its_own_line() {
        let failed = Outcome::Failed {
            error: "no response".into(),
            will_retry: true,
            catalogue_read: false,
        };
        let lines = table(&[row(failed)]);
        assert_eq!(lines[2], "  no response (it will be retried)");
    }

    #[test]
    fn json_contains_counts_by_kind_and_the_last_result() {
        let json = row(Outcome::Unchanged).json();
        assert_eq!(json["items"]["product"], 1_200);
        assert_eq!(json["last_run"]["result"]["outcome"], "unchanged");
        assert_eq!(json["published"]["sha256"].as_str().unwrap().len(), 64);
    }
}
