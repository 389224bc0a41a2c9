//! Webhook subscriptions: those this service needs, and no others touched.

use std::collections::BTreeMap;

use shopify_client::model::{NewSubscription, Subscription};
use shopify_client::webhook::topic_constant;
use shopify_client::{Error, ShopClient};
use sync_core::PortError;
use sync_core::ports::SubscriptionAudit;

use crate::adapters::{shopify_error, topics};

/// What has to be done about one topic.
#[derive(Debug, Default, PartialEq, Eq)]
struct Duty<'a> {
    /// The subscription that stays.
    kept: Option<&'a Subscription>,
    /// Others of ours for the same topic.
    superfluous: Vec<&'a Subscription>,
}

/// Subscribes `address` to every topic of [`topics::SUBSCRIBED`]. A subscription is ours if it leads to `address`: others,
/// of the same app at another address, are left alone.
///
/// A topic that the shop refuses is reported and does not hold up the others.
pub(super) async fn audit(
    client: &ShopClient,
    address: &str,
) -> Result<SubscriptionAudit, PortError> {
    let listed = client.webhook_subscriptions().await;
    let listed = listed.map_err(|error| shopify_error("list the webhook subscriptions", error))?;
    let mut audit = SubscriptionAudit::default();
    for (topic, duty) in duties(&listed, address) {
        if let Err(error) = fulfil(client, topic, &duty, address, &mut audit).await {
            let reason = refusal(error)
                .map_err(|error| shopify_error("subscribe to the shop's webhooks", error))?;
            audit.failed.push((topic.to_owned(), reason));
        }
    }
    Ok(audit)
}

/// Every topic with what there is for it, the oldest right subscription first.
fn duties<'a>(listed: &'a [Subscription], address: &str) -> Vec<(&'static str, Duty<'a>)> {
    let mut ours = BTreeMap::<&str, Vec<&Subscription>>::new();
    for subscription in listed.iter().filter(|listed| listed.uri == address) {
        let of_topic = ours.entry(&subscription.topic).or_default();
        of_topic.push(subscription);
    }
    let duty = |topic: &'static str| {
        let mut found = ours
            .remove(topic_constant(topic).as_str())
            .unwrap_or_default();
        found.sort_by_key(|listed| (is_wrong(listed), listed.id.number()));
        let mut found = found.into_iter();
        let kept = found.next();
        let duty = Duty {
            kept,
            superfluous: found.collect(),
        };
        (topic, duty)
    };
    topics::SUBSCRIBED.into_iter().map(duty).collect()
}

/// Whether it withholds deliveries, or parts of them, or writes them in another format.
fn is_wrong(subscription: &Subscription) -> bool {
    subscription.format != "JSON"
        || has_filter(subscription)
        || !subscription.include_fields.is_empty()
}

fn has_filter(subscription: &Subscription) -> bool {
    subscription
        .filter
        .as_deref()
        .is_some_and(|filter| !filter.is_empty())
}

async fn fulfil(
    client: &ShopClient,
    topic: &'static str,
    duty: &Duty<'_>,
    address: &str,
    audit: &mut SubscriptionAudit,
) -> Result<(), Error> {
    let wanted = NewSubscription {
        uri: address.to_owned(),
        ..NewSubscription::default()
    };
    for superfluous in &duty.superfluous {
        client.delete_webhook_subscription(&superfluous.id).await?;
    }
    match duty.kept {
        None => {
            client.create_webhook_subscription(topic, &wanted).await?;
            audit.created.push(topic.to_owned());
        }
        // An update leaves the filter as it is, and two with the same address are refused.
        Some(kept) if has_filter(kept) => {
            client.delete_webhook_subscription(&kept.id).await?;
            client.create_webhook_subscription(topic, &wanted).await?;
            audit.updated.push(topic.to_owned());
        }
        Some(kept) if is_wrong(kept) => {
            client
                .update_webhook_subscription(&kept.id, &wanted)
                .await?;
            audit.updated.push(topic.to_owned());
        }
        Some(_) => audit.kept += 1,
    }
    Ok(())
}

/// What the shop says against one topic; an error that is not about the topic is given back.
fn refusal(error: Error) -> Result<String, Error> {
    match error {
        Error::UserErrors { .. } | Error::AccessDenied { .. } => Ok(error.to_string()),
        Error::GraphQl { .. } if !error.is_retryable() => Ok(error.to_string()),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use shopify_client::Gid;

    use super::*;

    const OURS: &str = "https://example.com/shopify/webhook";

    fn subscription(id: u64, topic: &str, uri: &str) -> Subscription {
        Subscription {
            id: Gid::new("WebhookSubscription", id),
            topic: topic_constant(topic),
            uri: uri.to_owned(),
            format: "JSON".to_owned(),
            filter: None,
            include_fields: Vec::new(),
        }
    }

    fn duty_of<'a>(listed: &'a [Subscription], topic: &str) -> Duty<'a> {
        let mut duties = duties(listed, OURS).into_iter();
        duties.find(|(known, _)| *known == topic).unwrap().1
    }

    #[test]
    fn every_topic_is_a_duty_and_no_other() {
        let names: Vec<_> = duties(&[], OURS)
            .into_iter()
            .map(|(topic, _)| topic)
            .collect();
        assert_eq!(names, topics::SUBSCRIBED);
    }

    #[test]
    fn only_what_leads_to_our_address_is_ours() {
        let listed = [
            subscription(1, "products/update", "https://example.com/other"),
            subscription(2, "products/update", "https://example.com/shopify/webhook/"),
        ];
        assert_eq!(duty_of(&listed, "products/update"), Duty::default());
    }

    #[test]
    fn of_several_the_oldest_right_one_stays() {
        let mut filtered = subscription(1, "products/update", OURS);
        filtered.filter = Some("status:active".to_owned());
        let listed = [
            subscription(3, "products/update", OURS),
            filtered,
            subscription(2, "products/update", OURS),
            subscription(4, "products/delete", OURS),
        ];
        let duty = duty_of(&listed, "products/update");
        assert_eq!(duty.kept.map(|kept| kept.id.number()), Some(2));
        let superfluous = duty.superfluous.iter().map(|listed| listed.id.number());
        assert_eq!(superfluous.collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_subscription_that_withholds_something_is_wrong() {
        let right = subscription(1, "inventory_levels/update", OURS);
        assert!(!is_wrong(&right));
        for wrong in [
            Subscription {
                format: "XML".to_owned(),
                ..right.clone()
            },
            Subscription {
                filter: Some("a:b".to_owned()),
                ..right.clone()
            },
            Subscription {
                include_fields: vec!["id".to_owned()],
                ..right.clone()
            },
        ] {
            assert!(is_wrong(&wrong), "{wrong:?}");
        }
        let unfiltered = Subscription {
            filter: Some(String::new()),
            ..right
        };
        assert!(!is_wrong(&unfiltered));
    }
}
