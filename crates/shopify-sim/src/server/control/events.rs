//! Handles the routes for requests, faults, bulk operations, deliveries and the installation.

use axum::extract::RawQuery;
use serde::Deserialize;
use serde_json::json;

use super::request::{ControlError, ControlResult, JsonBody, ShopPath, no_content, ok};
use crate::app::parse_scopes;
use crate::bulk::BulkBehaviour;
use crate::control::ComplianceTopic;
use crate::fault::Fault;
use crate::server::query::query_parameter;

pub(super) async fn calls(path: ShopPath) -> ControlResult {
    ok(&json!(path.control.calls()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seed {
    seed: u64,
}

pub(super) async fn shuffle(
    path: ShopPath,
    JsonBody(Seed { seed }): JsonBody<Seed>,
) -> ControlResult {
    path.control.shuffle(seed);
    no_content()
}

pub(super) async fn faults(path: ShopPath) -> ControlResult {
    ok(&json!({ "faults": path.control.faults() }))
}

pub(super) async fn add_fault(path: ShopPath, JsonBody(fault): JsonBody<Fault>) -> ControlResult {
    path.control.inject_fault(fault)?;
    no_content()
}

pub(super) async fn clear_faults(path: ShopPath) -> ControlResult {
    path.control.clear_faults();
    no_content()
}

pub(super) async fn bulk(path: ShopPath) -> ControlResult {
    let lines = path.control.bulk_operations().into_iter();
    let lines = lines.map(|(query, status)| json!({"query": query, "status": status}));
    let operations: Vec<_> = lines.collect();
    ok(&json!({ "conduct": path.control.bulk_behaviour(), "operations": operations }))
}

pub(super) async fn set_bulk(
    path: ShopPath,
    JsonBody(behaviour): JsonBody<BulkBehaviour>,
) -> ControlResult {
    path.control.set_bulk_behaviour(behaviour);
    no_content()
}

pub(super) async fn finish_bulk(path: ShopPath) -> ControlResult {
    ok(&json!({ "finished": path.control.finish_bulk_operations() }))
}

pub(super) async fn subscriptions(path: ShopPath) -> ControlResult {
    let lines = path.control.subscriptions().into_iter();
    let lines = lines.map(|(topic, uri)| json!({"topic": topic, "uri": uri}));
    ok(&json!({ "subscriptions": lines.collect::<Vec<_>>() }))
}

pub(super) async fn deliveries(path: ShopPath) -> ControlResult {
    ok(&json!({ "deliveries": path.control.deliveries() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    count: u32,
}

pub(super) async fn drop(
    path: ShopPath,
    JsonBody(Count { count }): JsonBody<Count>,
) -> ControlResult {
    path.control.drop_deliveries(count);
    no_content()
}

pub(super) async fn duplicate(
    path: ShopPath,
    JsonBody(Count { count }): JsonBody<Count>,
) -> ControlResult {
    path.control.duplicate_deliveries(count);
    no_content()
}

pub(super) async fn hold(path: ShopPath) -> ControlResult {
    path.control.hold_deliveries();
    no_content()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseOrder {
    #[serde(default)]
    reversed: bool,
    shuffle: Option<u64>,
}

pub(super) async fn release(
    path: ShopPath,
    JsonBody(order): JsonBody<ReleaseOrder>,
) -> ControlResult {
    match order {
        ReleaseOrder {
            reversed: true,
            shuffle: Some(_),
        } => {
            let problem = "choose one of reversed and shuffle";
            return Err(ControlError::Invalid(problem.to_owned()));
        }
        ReleaseOrder { reversed: true, .. } => path.control.release_deliveries_reversed(),
        ReleaseOrder {
            shuffle: Some(seed),
            ..
        } => path.control.release_deliveries_shuffled(seed),
        ReleaseOrder { .. } => path.control.release_deliveries(),
    }
    no_content()
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

pub(super) async fn redeliver(
    path: ShopPath<String>,
    JsonBody(Times { times }): JsonBody<Times>,
) -> ControlResult {
    if !(1..=1_000).contains(&times) {
        return Err(ControlError::Invalid(
            "times: it must be 1 to 1000".to_owned(),
        ));
    }
    path.control
        .redeliver(&path.parameters, times)
        .map_err(|error| ControlError::NotFound(error.to_string()))?;
    no_content()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scopes {
    scopes: Vec<String>,
}

pub(super) async fn issue_token(
    path: ShopPath,
    JsonBody(Scopes { scopes }): JsonBody<Scopes>,
) -> ControlResult {
    let read = parse_scopes(&scopes.join(","));
    let scopes =
        read.ok_or_else(|| ControlError::Invalid("scopes: one of them is not a scope".to_owned()))?;
    ok(&json!({ "access_token": path.control.issue_token(scopes) }))
}

pub(super) async fn revoke_tokens(path: ShopPath) -> ControlResult {
    path.control.revoke_tokens();
    no_content()
}

/// The App URL, with the signed query that Shopify appends.
pub(super) async fn install(path: ShopPath, RawQuery(query): RawQuery) -> ControlResult {
    let app_url = query_parameter(query.as_deref(), "app_url").unwrap_or_default();
    let mut url = url::Url::parse(&app_url)
        .map_err(|error| ControlError::Invalid(format!("app_url: {error}")))?;
    url.set_query(Some(&path.control.install_query()));
    ok(&json!({ "url": url.as_str() }))
}

pub(super) async fn uninstall(path: ShopPath) -> ControlResult {
    ok(&json!({ "was_installed": path.control.uninstall() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compliance {
    topic: ComplianceTopic,
    address: String,
}

pub(super) async fn comply(
    path: ShopPath,
    JsonBody(compliance): JsonBody<Compliance>,
) -> ControlResult {
    let webhook_id = path
        .control
        .send_compliance_webhook(compliance.topic, &compliance.address)?;
    ok(&json!({ "webhook_id": webhook_id }))
}
