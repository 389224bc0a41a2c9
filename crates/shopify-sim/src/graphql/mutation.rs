//! The mutations: creating, changing and deleting webhook subscriptions.

use serde_json::{Map, Value};

use super::cost;
use super::execute::{Answered, Execution};
use super::object::{Ask, Context, Node, Tree};
use super::pinned::Pinned;
use super::plan::Field;
use super::refusal::Refusal;
use crate::catalog::gid::{Gid, gid};
use crate::webhook::subscription::{Subscription, Wanted, Wrong, scopes_of};

/// Carries out one field of a mutation and answers it.
pub(super) fn field<'p>(
    execution: &mut Execution<'p>,
    pinned: &Pinned,
    context: &Context<'_>,
    subscriptions: &mut Vec<Subscription>,
    field: &'p Field,
) -> Answered {
    let ask = Ask { field };
    let outcome = match ask.name() {
        "webhookSubscriptionCreate" => create(pinned, context, subscriptions, ask),
        "webhookSubscriptionUpdate" => update(context, subscriptions, ask),
        "webhookSubscriptionDelete" => Ok(delete(subscriptions, ask)),
        _ => Err(ask.not_modelled()),
    };
    let resolved = match &outcome {
        Ok(outcome) => Ok(payload(context, subscriptions, ask, outcome)),
        Err(refusal) => Err(refusal.clone()),
    };
    execution.field(field, resolved).map(|_| cost::MUTATION)
}

/// What became of a request: the subscription's number, or why nothing was done.
type Outcome = Result<u64, Vec<Wrong>>;

fn payload<'a>(
    context: &'a Context<'a>,
    subscriptions: &'a [Subscription],
    ask: Ask<'_>,
    outcome: &'a Outcome,
) -> Tree<'a> {
    let errors = outcome.as_ref().err().map_or(&[][..], Vec::as_slice);
    let errors = (
        "userErrors",
        Tree::List(errors.iter().map(user_error).collect()),
    );
    let id = outcome.as_ref().ok();
    match ask.name() {
        "webhookSubscriptionDelete" => {
            let deleted = id.map(|id| gid("WebhookSubscription", *id).into());
            let deleted = (
                "deletedWebhookSubscriptionId",
                deleted.unwrap_or(Tree::Null),
            );
            Tree::Object("WebhookSubscriptionDeletePayload", vec![deleted, errors])
        }
        name => {
            let found = subscriptions.iter().find(|each| Some(&each.id) == id);
            let found = Tree::node(context, found.map(Node::Subscription));
            let payload = if name.ends_with("Create") {
                "WebhookSubscriptionCreatePayload"
            } else {
                "WebhookSubscriptionUpdatePayload"
            };
            Tree::Object(payload, vec![("webhookSubscription", found), errors])
        }
    }
}

fn user_error(wrong: &Wrong) -> Tree<'_> {
    Tree::Object(
        "UserError",
        vec![
            ("field", Tree::texts(wrong.field.iter().copied())),
            ("message", wrong.message.as_str().into()),
        ],
    )
}

fn create(
    pinned: &Pinned,
    context: &Context<'_>,
    subscriptions: &mut Vec<Subscription>,
    ask: Ask<'_>,
) -> Result<Outcome, Refusal> {
    let topic = ask.text("topic").unwrap_or_default();
    let wanted = wanted(ask)?;
    let mut wrongs = wanted.check(topic, None, subscriptions);
    if wanted.uri.is_none() {
        wrongs.push(Wrong::of("uri", "Address can't be blank"));
    }
    let scopes = scopes_of(topic);
    if !scopes.is_empty() && !context.has_any(scopes) {
        let message =
            format!("You do not have permission to create or update webhooks with {topic} topic");
        wrongs.push(Wrong {
            field: vec!["topic"],
            message,
        });
    }
    if !wrongs.is_empty() {
        return Ok(Err(wrongs));
    }
    let mut subscription = Subscription {
        id: pinned.new_subscription(),
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
    wanted.apply(&mut subscription);
    let id = subscription.id;
    subscriptions.push(subscription);
    Ok(Ok(id))
}

fn update(
    context: &Context<'_>,
    subscriptions: &mut [Subscription],
    ask: Ask<'_>,
) -> Result<Outcome, Refusal> {
    let wanted = wanted(ask)?;
    let Some(place) = place(subscriptions, ask) else {
        return Ok(Err(vec![unknown()]));
    };
    let (topic, id) = (subscriptions[place].topic.clone(), subscriptions[place].id);
    let wrongs = wanted.check(&topic, Some(id), subscriptions);
    if !wrongs.is_empty() {
        return Ok(Err(wrongs));
    }
    let subscription = &mut subscriptions[place];
    wanted.apply(subscription);
    subscription.updated_at = context.now;
    Ok(Ok(id))
}

fn delete(subscriptions: &mut Vec<Subscription>, ask: Ask<'_>) -> Outcome {
    let place = place(subscriptions, ask).ok_or_else(|| vec![unknown()])?;
    Ok(subscriptions.remove(place).id)
}

fn place(subscriptions: &[Subscription], ask: Ask<'_>) -> Option<usize> {
    let gid = ask.text("id").and_then(Gid::parse)?;
    let fits = |each: &Subscription| gid.kind == "WebhookSubscription" && each.id == gid.id;
    subscriptions.iter().position(fits)
}

fn unknown() -> Wrong {
    Wrong {
        field: vec!["id"],
        message: "Webhook subscription does not exist".to_owned(),
    }
}

/// Reads the argument `webhookSubscription`. What stays unsaid stays as it is.
fn wanted(ask: Ask<'_>) -> Result<Wanted, Refusal> {
    let empty = Map::new();
    let input = ask.argument("webhookSubscription");
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
        return Err(Refusal::not_modelled("metafields in webhooks"));
    }
    if text("format").as_deref() == Some("XML") {
        return Err(Refusal::not_modelled("webhooks in XML"));
    }
    Ok(Wanted {
        uri: text("uri")
            .or_else(|| text("callbackUrl"))
            .filter(|uri| !uri.is_empty()),
        filter: text("filter"),
        include_fields: texts("includeFields"),
        name: text("name"),
    })
}
