//! Executes the mutations that create, update and delete webhook subscriptions.

use serde_json::{Map, Value};

use super::cost;
use super::execute::{CostResult, Execution};
use super::field_error::FieldError;
use super::object::{ObjectRef, RequestContext, ResolvedValue, SelectedField};
use super::pinned_schema::PinnedSchema;
use super::plan::Field;
use crate::catalog::gid::{Gid, gid};
use crate::webhook::subscription::{Subscription, SubscriptionInput, UserError, required_scopes};

/// Executes one field of a mutation.
pub(super) fn execute_field<'p>(
    execution: &mut Execution<'p>,
    pinned: &PinnedSchema,
    context: &RequestContext<'_>,
    subscriptions: &mut Vec<Subscription>,
    field: &'p Field,
) -> CostResult {
    let selected = SelectedField { field };
    let result = match selected.name() {
        "webhookSubscriptionCreate" => create(pinned, context, subscriptions, selected),
        "webhookSubscriptionUpdate" => update(context, subscriptions, selected),
        "webhookSubscriptionDelete" => Ok(delete(subscriptions, selected)),
        _ => Err(selected.not_simulated()),
    };
    let resolved = match &result {
        Ok(result) => Ok(payload(context, subscriptions, selected, result)),
        Err(error) => Err(error.clone()),
    };
    execution
        .complete_field(field, resolved)
        .map(|_| cost::MUTATION_COST)
}

/// The subscription's numeric id, or user errors if nothing was changed.
type MutationResult = Result<u64, Vec<UserError>>;

fn payload<'a>(
    context: &'a RequestContext<'a>,
    subscriptions: &'a [Subscription],
    selected: SelectedField<'_>,
    result: &'a MutationResult,
) -> ResolvedValue<'a> {
    let errors = result.as_ref().err().map_or(&[][..], Vec::as_slice);
    let errors = (
        "userErrors",
        ResolvedValue::List(errors.iter().map(user_error).collect()),
    );
    let id = result.as_ref().ok();
    match selected.name() {
        "webhookSubscriptionDelete" => {
            let deleted = id.map(|id| gid("WebhookSubscription", *id).into());
            let deleted = (
                "deletedWebhookSubscriptionId",
                deleted.unwrap_or(ResolvedValue::Null),
            );
            ResolvedValue::Object("WebhookSubscriptionDeletePayload", vec![deleted, errors])
        }
        name => {
            let found = subscriptions.iter().find(|each| Some(&each.id) == id);
            let found = ResolvedValue::node(context, found.map(ObjectRef::WebhookSubscription));
            let payload = if name.ends_with("Create") {
                "WebhookSubscriptionCreatePayload"
            } else {
                "WebhookSubscriptionUpdatePayload"
            };
            ResolvedValue::Object(payload, vec![("webhookSubscription", found), errors])
        }
    }
}

fn user_error(error: &UserError) -> ResolvedValue<'_> {
    ResolvedValue::Object(
        "UserError",
        vec![
            ("field", ResolvedValue::texts(error.field.iter().copied())),
            ("message", error.message.as_str().into()),
        ],
    )
}

fn create(
    pinned: &PinnedSchema,
    context: &RequestContext<'_>,
    subscriptions: &mut Vec<Subscription>,
    selected: SelectedField<'_>,
) -> Result<MutationResult, FieldError> {
    let topic = selected.text("topic").unwrap_or_default();
    let input = subscription_input(selected)?;
    let mut errors = input.check(topic, None, subscriptions);
    if input.uri.is_none() {
        errors.push(UserError::of("uri", "Address can't be blank"));
    }
    let scopes = required_scopes(topic);
    if !scopes.is_empty() && !context.has_any_scope(scopes) {
        let message =
            format!("You do not have permission to create or update webhooks with {topic} topic");
        errors.push(UserError {
            field: vec!["topic"],
            message,
        });
    }
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    let mut subscription = Subscription {
        id: pinned.next_subscription_id(),
        topic: topic.to_owned(),
        uri: String::new(),
        format: "JSON",
        filter: None,
        include_fields: Vec::new(),
        metafield_namespaces: Vec::new(),
        name: None,
        created_at: context.now,
        updated_at: context.now,
        api_version: context.version.to_owned(),
    };
    input.apply(&mut subscription);
    let id = subscription.id;
    subscriptions.push(subscription);
    Ok(Ok(id))
}

fn update(
    context: &RequestContext<'_>,
    subscriptions: &mut [Subscription],
    selected: SelectedField<'_>,
) -> Result<MutationResult, FieldError> {
    let input = subscription_input(selected)?;
    let Some(position) = position_of(subscriptions, selected) else {
        return Ok(Err(vec![not_found()]));
    };
    let (topic, id) = (
        subscriptions[position].topic.clone(),
        subscriptions[position].id,
    );
    let errors = input.check(&topic, Some(id), subscriptions);
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    let subscription = &mut subscriptions[position];
    input.apply(subscription);
    subscription.updated_at = context.now;
    Ok(Ok(id))
}

fn delete(subscriptions: &mut Vec<Subscription>, selected: SelectedField<'_>) -> MutationResult {
    let position = position_of(subscriptions, selected).ok_or_else(|| vec![not_found()])?;
    Ok(subscriptions.remove(position).id)
}

fn position_of(subscriptions: &[Subscription], selected: SelectedField<'_>) -> Option<usize> {
    let gid = selected.text("id").and_then(Gid::parse)?;
    let fits = |each: &Subscription| gid.kind == "WebhookSubscription" && each.id == gid.id;
    subscriptions.iter().position(fits)
}

fn not_found() -> UserError {
    UserError {
        field: vec!["id"],
        message: "Webhook subscription does not exist".to_owned(),
    }
}

/// Reads the argument `webhookSubscription`. Absent fields keep their values.
fn subscription_input(selected: SelectedField<'_>) -> Result<SubscriptionInput, FieldError> {
    let empty = Map::new();
    let input = selected.argument("webhookSubscription");
    let input = input.and_then(Value::as_object).unwrap_or(&empty);
    let text = |name: &str| Some(input.get(name)?.as_str().unwrap_or("").to_owned());
    let texts = |name: &str| {
        let list = input.get(name)?.as_array().map_or(&[][..], Vec::as_slice);
        let texts = list.iter().filter_map(Value::as_str);
        Some(texts.map(str::to_owned).collect::<Vec<_>>())
    };
    let has_some = |name: &str| {
        let list = input.get(name).and_then(Value::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    if has_some("metafields") || has_some("metafieldNamespaces") {
        return Err(FieldError::not_simulated("metafields in webhooks"));
    }
    if text("format").as_deref() == Some("XML") {
        return Err(FieldError::not_simulated("webhooks in XML"));
    }
    Ok(SubscriptionInput {
        uri: text("uri")
            .or_else(|| text("callbackUrl"))
            .filter(|uri| !uri.is_empty()),
        filter: text("filter"),
        include_fields: texts("includeFields"),
        name: text("name"),
    })
}
