//! Resolves fields of webhook subscriptions.

use super::super::object::{FieldResult, ResolvedValue, SelectedField, or_null};
use super::shop::version;
use super::values::{timestamp, unsigned_int64};
use crate::catalog::gid::gid;
use crate::webhook::subscription::Subscription;

pub(crate) fn subscription<'a>(
    subscription: &'a Subscription,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let texts = |texts: &'a [String]| ResolvedValue::texts(texts.iter().map(String::as_str));
    Ok(match selected.name() {
        "id" => gid("WebhookSubscription", subscription.id).into(),
        "legacyResourceId" => unsigned_int64(subscription.id),
        "topic" => subscription.topic.as_str().into(),
        "uri" => subscription.uri.as_str().into(),
        "format" => subscription.format.into(),
        "filter" => or_null(subscription.filter.as_deref()),
        "name" => or_null(subscription.name.as_deref()),
        "includeFields" => texts(&subscription.include_fields),
        "metafieldNamespaces" => texts(&subscription.metafield_namespaces),
        "metafields" => ResolvedValue::List(Vec::new()),
        "apiVersion" => {
            let handle = &subscription.api_version;
            version(handle, handle.clone())
        }
        "createdAt" => timestamp(subscription.created_at),
        "updatedAt" => timestamp(subscription.updated_at),
        _ => return Err(selected.not_simulated()),
    })
}
