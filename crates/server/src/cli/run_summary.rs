//! Formats the result of `shopsync sync` as text and as JSON.

use std::time::Duration;

use indicatif::HumanCount;
use serde::Serialize;
use shopify_client::Usage;
use sync_core::{ItemKind, KindCounts, Outcome, RunId, RunReport, ShopDomain};

use crate::operations::outcome;
use crate::terminal::text::{count_of, document_key, pluralize};

/// The result of a run, with its duration and cost.
#[derive(Debug)]
pub(crate) struct RunSummary {
    pub(crate) shop: ShopDomain,
    /// The number of the run; dry runs have none.
    pub(crate) run: Option<RunId>,
    pub(crate) report: RunReport,
    pub(crate) elapsed: Duration,
    /// Known only for runs of this process.
    pub(crate) cost: Option<RunCost>,
}

/// The requests that a run made.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct RunCost {
    /// Objects written to the Space.
    pub(crate) puts: u64,
    /// Requests to Shopify's Admin API.
    pub(crate) requests: u64,
    /// The query cost that Shopify charged for them, in points.
    pub(crate) points: f64,
}

impl RunCost {
    /// The difference between two readings of the counters: before the run and after it.
    pub(crate) fn between(puts: (u64, u64), usage: (Usage, Usage)) -> Self {
        Self {
            puts: puts.1 - puts.0,
            requests: usage.1.requests - usage.0.requests,
            points: usage.1.points - usage.0.points,
        }
    }
}

impl RunSummary {
    /// The result as text; the first line is the outcome.
    pub(crate) fn text_lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        let items: Vec<_> = ItemKind::SCANNED
            .iter()
            .filter_map(|kind| self.report.counts.get_key_value(kind.as_str()))
            .map(|(kind, counts)| kind_counts(kind, counts))
            .collect();
        if !items.is_empty() {
            lines.push(format!("  {}", items.join(", ")));
        }
        let mut last = format!("  {:.1} s", self.elapsed.as_secs_f64());
        if let Some(cost) = &self.cost {
            last = format!(
                "{last}, {} {}, {} to Shopify for {:.0} points",
                cost.puts,
                pluralize("PUT", cost.puts),
                count_of(cost.requests, "request"),
                cost.points,
            );
        }
        lines.push(last);
        lines
    }

    /// The outcome, the document or the shop that it is about, and what happened.
    fn headline(&self) -> String {
        let outcome = &self.report.outcome;
        let subject = match outcome {
            Outcome::Published { key, .. } => key.clone(),
            Outcome::Unchanged | Outcome::WouldPublish { .. } => document_key(&self.shop),
            Outcome::Erased | Outcome::Halted { .. } | Outcome::Failed { .. } => {
                self.shop.to_string()
            }
        };
        format!(
            "{} {subject}: {}",
            outcome::word(outcome),
            outcome::detail(outcome)
        )
    }

    /// The result as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({
            "shop": self.shop,
            "key": document_key(&self.shop),
            "run": self.run.map(|run| run.0),
            "items": self.report.counts,
            "seconds": self.elapsed.as_secs_f64(),
            "cost": self.cost,
        });
        let outcome = serde_json::to_value(&self.report.outcome).unwrap_or_default();
        if let (Some(json), Some(outcome)) = (json.as_object_mut(), outcome.as_object()) {
            json.extend(outcome.clone());
        }
        json
    }
}

fn kind_counts(kind: &str, counts: &KindCounts) -> String {
    let mut text = count_of(counts.read, kind);
    let details: Vec<_> = [
        ("new", counts.added),
        ("changed", counts.changed),
        ("deleted", counts.removed),
        ("unreadable", counts.failed),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(word, count)| format!("{} {word}", HumanCount(count)))
    .collect();
    if !details.is_empty() {
        text = format!("{text} ({})", details.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(outcome: Outcome) -> RunSummary {
        let product = KindCounts {
            read: 1_200,
            added: 3,
            removed: 1,
            ..KindCounts::default()
        };
        let location = KindCounts {
            read: 1,
            ..KindCounts::default()
        };
        let counts = [("product", product), ("location", location)];
        RunSummary {
            shop: "a.myshopify.com".parse().unwrap(),
            run: Some(RunId(7)),
            report: RunReport {
                outcome,
                counts: counts
                    .map(|(kind, counts)| (kind.to_owned(), counts))
                    .into(),
            },
            elapsed: Duration::from_millis(1_250),
            cost: Some(RunCost {
                puts: 1,
                requests: 14,
                points: 312.4,
            }),
        }
    }

    #[test]
    fn an_upload_prints_its_key_its_counts_and_its_cost() {
        let published = Outcome::Published {
            key: "a.myshopify.com/shopify_data.json".into(),
            sha256: "ab".into(),
            bytes: 48_211,
            generation: 3,
        };
        assert_eq!(
            summary(published).text_lines(),
            [
                "uploaded a.myshopify.com/shopify_data.json: 48,211 bytes, generation 3",
                "  1 location, 1,200 products (3 new, 1 deleted)",
                "  1.2 s, 1 PUT, 14 requests to Shopify for 312 points",
            ]
        );
    }

    #[test]
    fn an_unchanged_document_is_reported_as_unchanged() {
        let outcomes = [Outcome::Unchanged, Outcome::WouldPublish { differences: 0 }];
        for outcome in outcomes {
            let line = summary(outcome).headline();
            assert!(
                line.starts_with("unchanged a.myshopify.com/shopify_data.json"),
                "{line}"
            );
        }
    }

    #[test]
    fn json_contains_the_outcome_beside_the_counts() {
        let json = summary(Outcome::Unchanged).json();
        assert_eq!(json["outcome"], "unchanged");
        assert_eq!(json["items"]["product"]["read"], 1_200);
        assert_eq!(
            (&json["run"], &json["cost"]["puts"]),
            (&7.into(), &1.into())
        );
    }
}
