//! Webhook subscriptions as the API shows them.

use super::super::object::{Ask, Resolved, Tree, maybe};
use super::shop::version;
use super::values::{moment, unsigned};
use crate::catalog::gid::gid;
use crate::webhook::subscription::Subscription;

pub(crate) fn subscription<'a>(subscription: &'a Subscription, ask: Ask<'_>) -> Resolved<'a> {
    let texts = |texts: &'a [String]| Tree::texts(texts.iter().map(String::as_str));
    Ok(match ask.name() {
        "id" => gid("WebhookSubscription", subscription.id).into(),
        "legacyResourceId" => unsigned(subscription.id),
        "topic" => subscription.topic.as_str().into(),
        "uri" => subscription.uri.as_str().into(),
        "format" => subscription.format.into(),
        "filter" => maybe(subscription.filter.as_deref()),
        "name" => maybe(subscription.name.as_deref()),
        "includeFields" => texts(&subscription.include_fields),
        "metafieldNamespaces" => texts(&subscription.metafield_namespaces),
        "metafields" => Tree::List(Vec::new()),
        "apiVersion" => {
            let handle = &subscription.api_version;
            version(handle, handle.clone())
        }
        "createdAt" => moment(subscription.created_at),
        "updatedAt" => moment(subscription.updated_at),
        _ => return Err(ask.not_modelled()),
    })
}
