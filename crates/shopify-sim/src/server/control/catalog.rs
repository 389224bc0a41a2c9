//! The shop as a whole.

use serde::Deserialize;
use serde_json::json;

use super::{Answer, At, Body, Refused, done, ok};
use crate::server::answer;

pub(super) async fn summary(at: At) -> Answer {
    let control = &at.control;
    ok(&json!({
        "domain": control.domain(),
        "products": control.product_ids().len(),
        "discounts": control.discount_ids(),
        "collections": control.collection_ids(),
        "locations": control.location_ids(),
        "installed_scopes": control.installed_scopes(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub(super) name: String,
}

pub(super) async fn rename(at: At, Body(Name { name }): Body<Name>) -> Answer {
    at.control.rename_shop(&name)?;
    done()
}

pub(super) async fn truth(at: At) -> Answer {
    // Long for a large catalogue: others are answered meanwhile.
    let told = tokio::task::spawn_blocking(move || at.control.truth_text());
    let body = told
        .await
        .map_err(|error| Refused::Invalid(error.to_string()))?;
    Ok(answer::typed(200, "application/json; charset=utf-8", body))
}
