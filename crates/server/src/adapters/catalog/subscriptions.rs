//! Compares a shop's webhook subscriptions with the topics that the service needs, and reconciles them.

use std::collections::BTreeMap;

use shopify_client::model::{NewSubscription, Subscription};
use shopify_client::webhook::topic_constant;
use shopify_client::{Error, ShopClient};
use sync_core::PortError;
use sync_core::ports::SubscriptionAudit;

use crate::adapters::{shopify_error, topics};

/// The subscription that one topic needs, compared with those that exist.
#[derive(Debug, Default, PartialEq, Eq)]
struct DesiredSubscription<'a> {
    /// The existing subscription to keep, if there is one.
    current: Option<&'a Subscription>,
    /// Further subscriptions of ours to the same topic, to be deleted.
    duplicates: Vec<&'a Subscription>,
}

/// How the subscriptions to a topic differ from the one that the service needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubscriptionDefect {
    /// There is none.
    Missing,
    /// The only ones deliver to other addresses.
    Elsewhere {
        /// One of those addresses.
        uri: String,
    },
    /// It filters deliveries or their fields, or has another format than JSON.
    Incomplete,
    /// There are several at the address.
    Duplicate,
}

/// Returns the topics of [`topics::SUBSCRIBED`] whose subscriptions the audit would change, and why.
pub(crate) fn subscription_defects(
    listed: &[Subscription],
    address: &str,
) -> Vec<(&'static str, SubscriptionDefect)> {
    let defect = |topic: &str, desired: &DesiredSubscription<'_>| match desired.current {
        None => {
            let topic = topic_constant(topic);
            let elsewhere = listed.iter().find(|listed| listed.topic == topic);
            Some(match elsewhere {
                Some(found) => SubscriptionDefect::Elsewhere {
                    uri: found.uri.clone(),
                },
                None => SubscriptionDefect::Missing,
            })
        }
        Some(current) if needs_update(current) => Some(SubscriptionDefect::Incomplete),
        Some(_) if !desired.duplicates.is_empty() => Some(SubscriptionDefect::Duplicate),
        Some(_) => None,
    };
    desired_subscriptions(listed, address)
        .into_iter()
        .filter_map(|(topic, desired)| Some((topic, defect(topic, &desired)?)))
        .collect()
}

/// Subscribes `address` to every topic of [`topics::SUBSCRIBED`]. A subscription is ours if it delivers to `address`; those
/// of the same app at other addresses are left alone.
///
/// A topic that the shop refuses is reported, and the other topics continue.
pub(super) async fn audit(
    client: &ShopClient,
    address: &str,
) -> Result<SubscriptionAudit, PortError> {
    let listed = client.webhook_subscriptions().await;
    let listed = listed.map_err(|error| shopify_error("list the webhook subscriptions", error))?;
    let mut audit = SubscriptionAudit::default();
    for (topic, desired) in desired_subscriptions(&listed, address) {
        if let Err(error) = reconcile(client, topic, &desired, address, &mut audit).await {
            let reason = rejection_reason(error)
                .map_err(|error| shopify_error("subscribe to the shop's webhooks", error))?;
            audit.failed.push((topic.to_owned(), reason));
        }
    }
    Ok(audit)
}

/// Every topic with its existing subscriptions. The oldest correct one is kept.
fn desired_subscriptions<'a>(
    listed: &'a [Subscription],
    address: &str,
) -> Vec<(&'static str, DesiredSubscription<'a>)> {
    let mut ours = BTreeMap::<&str, Vec<&Subscription>>::new();
    for subscription in listed.iter().filter(|listed| listed.uri == address) {
        let of_topic = ours.entry(&subscription.topic).or_default();
        of_topic.push(subscription);
    }
    let desired = |topic: &'static str| {
        let mut found = ours
            .remove(topic_constant(topic).as_str())
            .unwrap_or_default();
        found.sort_by_key(|listed| (needs_update(listed), listed.id.number()));
        let mut found = found.into_iter();
        let current = found.next();
        let subscription = DesiredSubscription {
            current,
            duplicates: found.collect(),
        };
        (topic, subscription)
    };
    topics::SUBSCRIBED.into_iter().map(desired).collect()
}

/// Whether it filters deliveries or their fields, or has another format than JSON.
fn needs_update(subscription: &Subscription) -> bool {
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

async fn reconcile(
    client: &ShopClient,
    topic: &'static str,
    desired: &DesiredSubscription<'_>,
    address: &str,
    audit: &mut SubscriptionAudit,
) -> Result<(), Error> {
    let wanted = NewSubscription {
        uri: address.to_owned(),
        ..NewSubscription::default()
    };
    for duplicate in &desired.duplicates {
        client.delete_webhook_subscription(&duplicate.id).await?;
    }
    match desired.current {
        None => {
            client.create_webhook_subscription(topic, &wanted).await?;
            audit.created.push(topic.to_owned());
        }
        // An update cannot remove a filter, and Shopify refuses two subscriptions with the same topic and address.
        Some(current) if has_filter(current) => {
            client.delete_webhook_subscription(&current.id).await?;
            client.create_webhook_subscription(topic, &wanted).await?;
            audit.updated.push(topic.to_owned());
        }
        Some(current) if needs_update(current) => {
            client
                .update_webhook_subscription(&current.id, &wanted)
                .await?;
            audit.updated.push(topic.to_owned());
        }
        Some(_) => audit.kept += 1,
    }
    Ok(())
}

/// The shop's reason for refusing a topic; any other error is returned.
fn rejection_reason(error: Error) -> Result<String, Error> {
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

    fn desired_for<'a>(listed: &'a [Subscription], topic: &str) -> DesiredSubscription<'a> {
        let mut all = desired_subscriptions(listed, OURS).into_iter();
        all.find(|(known, _)| *known == topic).unwrap().1
    }

    #[test]
    fn every_subscribed_topic_is_desired_and_no_other() {
        let names: Vec<_> = desired_subscriptions(&[], OURS)
            .into_iter()
            .map(|(topic, _)| topic)
            .collect();
        assert_eq!(names, topics::SUBSCRIBED);
    }

    #[test]
    fn only_subscriptions_to_our_address_are_ours() {
        let listed = [
            subscription(1, "products/update", "https://example.com/other"),
            subscription(2, "products/update", "https://example.com/shopify/webhook/"),
        ];
        assert_eq!(
            desired_for(&listed, "products/update"),
            DesiredSubscription::default()
        );
    }

    #[test]
    fn every_subscription_that_the_audit_would_change_is_a_defect() {
        let all = || -> Vec<Subscription> {
            let topics = topics::SUBSCRIBED.iter().zip(1..);
            topics
                .map(|(topic, id)| subscription(id, topic, OURS))
                .collect()
        };
        assert_eq!(subscription_defects(&all(), OURS), []);
        let first = topics::SUBSCRIBED[0];
        let elsewhere = "https://old.example/".to_owned();
        let change = |change: &dyn Fn(&mut Vec<Subscription>)| {
            let mut listed = all();
            change(&mut listed);
            subscription_defects(&listed, OURS)
        };
        for (found, defect) in [
            (
                change(&|listed| drop(listed.remove(0))),
                SubscriptionDefect::Missing,
            ),
            (
                change(&|listed| listed[0].uri.clone_from(&elsewhere)),
                SubscriptionDefect::Elsewhere {
                    uri: elsewhere.clone(),
                },
            ),
            (
                change(&|listed| listed[0].format = "XML".to_owned()),
                SubscriptionDefect::Incomplete,
            ),
            (
                change(&|listed| listed[0].filter = Some("a:b".to_owned())),
                SubscriptionDefect::Incomplete,
            ),
            (
                change(&|listed| listed[0].include_fields = vec!["id".to_owned()]),
                SubscriptionDefect::Incomplete,
            ),
            (
                change(&|listed| listed.push(subscription(99, first, OURS))),
                SubscriptionDefect::Duplicate,
            ),
        ] {
            assert_eq!(found, [(first, defect)]);
        }
        let another_service = change(&|listed| listed.push(subscription(99, first, &elsewhere)));
        assert_eq!(another_service, []);
    }

    #[test]
    fn of_several_the_oldest_correct_one_is_kept() {
        let mut filtered = subscription(1, "products/update", OURS);
        filtered.filter = Some("status:active".to_owned());
        let listed = [
            subscription(3, "products/update", OURS),
            filtered,
            subscription(2, "products/update", OURS),
            subscription(4, "products/delete", OURS),
        ];
        let desired = desired_for(&listed, "products/update");
        assert_eq!(desired.current.map(|current| current.id.number()), Some(2));
        let duplicates = desired.duplicates.iter().map(|listed| listed.id.number());
        assert_eq!(duplicates.collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_subscription_that_withholds_data_needs_an_update() {
        let right = subscription(1, "inventory_levels/update", OURS);
        assert!(!needs_update(&right));
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
            assert!(needs_update(&wrong), "{wrong:?}");
        }
        let unfiltered = Subscription {
            filter: Some(String::new()),
            ..right
        };
        assert!(!needs_update(&unfiltered));
    }
}
