//! Says in words what a run's outcome means, and what a person can do about it.

use indicatif::HumanCount;
use sync_core::{Outcome, ShopDomain};

use super::remedy::Remedy;
use crate::terminal::text::{count_of, kind_noun};

/// Returns the outcome in one or two words: `uploaded`, `unchanged`, `halted`.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Published { .. } => "uploaded",
        Outcome::Unchanged | Outcome::WouldPublish { differences: 0 } => "unchanged",
        Outcome::WouldPublish { .. } => "would upload",
        Outcome::Erased => "erased",
        Outcome::Halted { .. } => "halted",
        Outcome::Failed { .. } => "failed",
    }
}

/// Returns what happened, to be placed after [`word`]: `3 of 10 products disappeared at once; the old snapshot stays`.
pub(crate) fn detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Published {
            bytes, generation, ..
        } => format!("{} bytes, generation {generation}", HumanCount(*bytes)),
        Outcome::Unchanged => "nothing uploaded".to_owned(),
        Outcome::WouldPublish { differences: 0 } => "a sync would upload nothing".to_owned(),
        Outcome::WouldPublish { differences } => format!(
            "{} {} in the shop; nothing was written",
            count_of(*differences, "item"),
            if *differences == 1 {
                "differs"
            } else {
                "differ"
            },
        ),
        Outcome::Erased => "shop/redact requested it".to_owned(),
        Outcome::Halted {
            kind,
            missing,
            known,
        } => format!(
            "{} of {} {} disappeared at once; the old snapshot stays",
            HumanCount(*missing),
            HumanCount(*known),
            kind_noun(kind, *known),
        ),
        Outcome::Failed {
            error, will_retry, ..
        } => {
            let then = if *will_retry {
                "it will be retried"
            } else {
                "it will not be retried"
            };
            format!("{error}; {then}")
        }
    }
}

/// Returns what a person can do about the outcome; `None` if nothing is wrong.
pub(crate) fn remedy(outcome: &Outcome, shop: &ShopDomain) -> Option<Remedy> {
    let name = shop.name();
    match outcome {
        Outcome::Halted { .. } => Some(Remedy::command(
            "check the shop; if this is intended",
            format!("sync {name} --accept-deletions"),
        )),
        Outcome::Failed {
            will_retry: true, ..
        } => Some(Remedy::advice(
            "wait: a running service retries it automatically",
        )),
        Outcome::Failed { .. } => Some(Remedy::command("fix the cause", format!("sync {name}"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_a_detail_and_a_remedy() {
        let shop = "a.myshopify.com".parse().unwrap();
        let failed = |will_retry| Outcome::Failed {
            error: "no response".into(),
            will_retry,
            catalogue_read: false,
        };
        let halted = Outcome::Halted {
            kind: "inventory_item".into(),
            missing: 1_200,
            known: 1_300,
        };
        for (outcome, text, command) in [
            (failed(true), "no response; it will be retried", None),
            (
                failed(false),
                "no response; it will not be retried",
                Some("shopsync sync a"),
            ),
            (
                halted,
                "1,200 of 1,300 inventory items disappeared at once; the old snapshot stays",
                Some("shopsync sync a --accept-deletions"),
            ),
        ] {
            assert_eq!(detail(&outcome), text);
            let remedy = remedy(&outcome, &shop).unwrap();
            assert_eq!(remedy.command.as_deref(), command);
        }
        assert_eq!(remedy(&Outcome::Unchanged, &shop), None);
    }
}
