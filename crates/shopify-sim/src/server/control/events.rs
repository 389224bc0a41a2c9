//! Calls, faults, deliveries and the installation.

use axum::extract::RawQuery;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, At, Body, Refused, done, ok, parameter};
use crate::app::parse_scopes;
use crate::bulk::BulkBehaviour;
use crate::control::ComplianceTopic;
use crate::fault::Fault;

pub(super) async fn calls(at: At) -> Answer {
    ok(&json!(at.control.calls()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seed {
    seed: u64,
}

pub(super) async fn shuffle(at: At, Body(Seed { seed }): Body<Seed>) -> Answer {
    at.control.shuffle(seed);
    done()
}

pub(super) async fn faults(at: At) -> Answer {
    ok(&json!({ "faults": at.control.faults() }))
}

pub(super) async fn add_fault(at: At, Body(fault): Body<Fault>) -> Answer {
    at.control.inject_fault(fault)?;
    done()
}

pub(super) async fn clear_faults(at: At) -> Answer {
    at.control.clear_faults();
    done()
}

pub(super) async fn bulk(at: At) -> Answer {
    let lines = at.control.bulk_operations().into_iter();
    let lines = lines.map(|(query, status)| json!({"query": query, "status": status}));
    let operations: Vec<_> = lines.collect();
    ok(&json!({ "conduct": at.control.bulk_behaviour(), "operations": operations }))
}

pub(super) async fn set_bulk(at: At, Body(behaviour): Body<BulkBehaviour>) -> Answer {
    at.control.set_bulk_behaviour(behaviour);
    done()
}

pub(super) async fn finish_bulk(at: At) -> Answer {
    ok(&json!({ "finished": at.control.finish_bulk_operations() }))
}

pub(super) async fn subscriptions(at: At) -> Answer {
    let lines = at.control.subscriptions().into_iter();
    let lines = lines.map(|(topic, uri)| json!({"topic": topic, "uri": uri}));
    ok(&json!({ "subscriptions": lines.collect::<Vec<_>>() }))
}

pub(super) async fn deliveries(at: At) -> Answer {
    ok(&json!({ "deliveries": at.control.deliveries() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    count: u32,
}

pub(super) async fn drop(at: At, Body(Count { count }): Body<Count>) -> Answer {
    at.control.drop_deliveries(count);
    done()
}

pub(super) async fn duplicate(at: At, Body(Count { count }): Body<Count>) -> Answer {
    at.control.duplicate_deliveries(count);
    done()
}

pub(super) async fn hold(at: At) -> Answer {
    at.control.hold_deliveries();
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    #[serde(default)]
    reversed: bool,
    shuffle: Option<u64>,
}

pub(super) async fn release(at: At, Body(order): Body<Order>) -> Answer {
    match order {
        Order {
            reversed: true,
            shuffle: Some(_),
        } => {
            let problem = "choose one of reversed and shuffle";
            return Err(Refused::Invalid(problem.to_owned()));
        }
        Order { reversed: true, .. } => at.control.release_deliveries_reversed(),
        Order {
            shuffle: Some(seed),
            ..
        } => at.control.release_deliveries_shuffled(seed),
        Order { .. } => at.control.release_deliveries(),
    }
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

pub(super) async fn redeliver(at: At<String>, Body(Times { times }): Body<Times>) -> Answer {
    if !(1..=1_000).contains(&times) {
        return Err(Refused::Invalid("times: 1 to 1000".to_owned()));
    }
    at.control
        .redeliver(&at.rest, times)
        .map_err(|error| Refused::Unknown(error.to_string()))?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scopes {
    scopes: Vec<String>,
}

pub(super) async fn issue_token(at: At, Body(Scopes { scopes }): Body<Scopes>) -> Answer {
    let read = parse_scopes(&scopes.join(","));
    let scopes = read.ok_or_else(|| Refused::Invalid("scopes: one is no scope".to_owned()))?;
    ok(&json!({ "access_token": at.control.issue_token(scopes) }))
}

pub(super) async fn revoke_tokens(at: At) -> Answer {
    at.control.revoke_tokens();
    done()
}

/// The App URL as a merchant's browser opens it.
pub(super) async fn install(at: At, RawQuery(query): RawQuery) -> Answer {
    let app_url = parameter(query.as_deref(), "app_url").unwrap_or_default();
    let mut url =
        url::Url::parse(&app_url).map_err(|error| Refused::Invalid(format!("app_url: {error}")))?;
    url.set_query(Some(&at.control.install_query()));
    ok(&json!({ "url": url.as_str() }))
}

pub(super) async fn uninstall(at: At) -> Answer {
    ok(&json!({ "was_installed": at.control.uninstall() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compliance {
    topic: ComplianceTopic,
    address: String,
}

pub(super) async fn comply(at: At, Body(compliance): Body<Compliance>) -> Answer {
    let webhook_id = at
        .control
        .send_compliance_webhook(compliance.topic, &compliance.address)?;
    ok(&json!({ "webhook_id": webhook_id }))
}
