//! Webhook subscriptions as the API shows them.

use serde_json::Value;

use super::super::object::{Ask, Resolved, Tree, maybe};
use super::shop::version;
use super::values::{moment, unsigned};
use crate::catalog::gid::gid;
use crate::webhook::subscription::Subscription;

pub(crate) fn subscription<'a>(subscription: &Subscription, ask: Ask<'_>) -> Resolved<'a> {
    let texts = |texts: &[String]| texts.iter().map(String::as_str).collect::<Value>();
    Ok(match ask.name() {
        "id" => gid("WebhookSubscription", subscription.id).into(),
        "legacyResourceId" => unsigned(subscription.id).into(),
        "topic" => subscription.topic.as_str().into(),
        "uri" => subscription.uri.as_str().into(),
        "format" => subscription.format.into(),
        "filter" => maybe(subscription.filter.as_deref()).into(),
        "name" => maybe(subscription.name.as_deref()).into(),
        "includeFields" => texts(&subscription.include_fields).into(),
        "metafieldNamespaces" => texts(&subscription.metafield_namespaces).into(),
        "metafields" => Tree::List(Vec::new()),
        "apiVersion" => {
            let handle = &subscription.api_version;
            version(handle, handle.clone())
        }
        "createdAt" => moment(subscription.created_at).into(),
        "updatedAt" => moment(subscription.updated_at).into(),
        _ => return Err(ask.not_modelled()),
    })
}
