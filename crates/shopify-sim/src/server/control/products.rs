//! Changes of products.

use axum::extract::RawQuery;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, At, Body, Refused, created, done, ok, parameter};
use crate::catalog::change::ProductChange;

pub(super) async fn list(at: At, RawQuery(query): RawQuery) -> Answer {
    let limit = match parameter(query.as_deref(), "limit") {
        None => 20,
        Some(text) => text
            .parse()
            .map_err(|_| Refused::Invalid(format!("limit: {text} is no number")))?,
    };
    ok(&json!({ "products": at.control.products(limit) }))
}

pub(super) async fn create(at: At, Body(product): Body<ProductChange>) -> Answer {
    created(at.control.create_product(&product)?)
}

pub(super) async fn update(at: At<u64>, Body(change): Body<ProductChange>) -> Answer {
    at.control.update_product(at.rest, &change)?;
    done()
}

pub(super) async fn delete(at: At<u64>) -> Answer {
    at.control.delete_product(at.rest)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    price: String,
    variant: Option<u64>,
}

pub(super) async fn price(at: At<u64>, Body(price): Body<Price>) -> Answer {
    at.control.set_price(at.rest, price.variant, &price.price)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metafield {
    namespace: String,
    key: String,
    value: String,
}

pub(super) async fn metafield(at: At<u64>, Body(field): Body<Metafield>) -> Answer {
    at.control
        .set_metafield(at.rest, &field.namespace, &field.key, &field.value)?;
    done()
}
