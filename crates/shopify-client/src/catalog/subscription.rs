//! Lists, creates, updates and deletes webhook subscriptions.

use serde::Deserialize;

use super::{PageSize, PageSizePlan, SingleField};
use crate::model::{Connection, NewSubscription, Subscription};
use crate::operations::{
    WebhookSubscriptionCreate, WebhookSubscriptionDelete, WebhookSubscriptionUpdate,
    WebhookSubscriptionsPage, webhook_subscription_create, webhook_subscription_delete,
    webhook_subscription_update, webhook_subscriptions_page,
};
use crate::request::RetryBudget;
use crate::webhook::topic_constant;
use crate::{Error, Gid, ShopClient, UserError};

static PAGES: PageSizePlan = PageSizePlan {
    operation: "WebhookSubscriptionsPage",
    first: 100,
    within: 1,
};

/// The payload of a mutation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MutationPayload<T> {
    #[serde(alias = "webhookSubscription", alias = "deletedWebhookSubscriptionId")]
    result: Option<T>,
    user_errors: Vec<UserError>,
}

impl<T> MutationPayload<T> {
    fn into_result(self, operation: &'static str) -> Result<T, Error> {
        if !self.user_errors.is_empty() {
            let errors = self.user_errors;
            return Err(Error::UserErrors { operation, errors });
        }
        self.result.ok_or_else(|| Error::Decode {
            operation,
            path: "webhookSubscription".to_owned(),
            source: "there is neither a result nor an error".into(),
        })
    }
}

impl ShopClient {
    /// The webhook subscriptions of all topics that the app created through the API.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn webhook_subscriptions(&self) -> Result<Vec<Subscription>, Error> {
        let first = self.with_page_size(&PAGES, |size| self.subscriptions_page(size, None));
        let mut all = first.await?;
        let more = |size, after| {
            let page = self.subscriptions_page(size, Some(after));
            async { page.await.map(Some) }
        };
        self.append_remaining_pages(&PAGES, &mut all, more).await?;
        Ok(all.into_nodes())
    }

    async fn subscriptions_page(
        &self,
        size: PageSize,
        after: Option<String>,
    ) -> Result<Connection<Subscription>, Error> {
        let variables = webhook_subscriptions_page::Variables {
            first: size.first(),
            after,
        };
        let response = self.request::<WebhookSubscriptionsPage, _>(variables, size.retry_budget());
        let SingleField(page) = response.await?;
        Ok(page)
    }

    /// Subscribes to a topic, such as `products/update`.
    ///
    /// The request is not retried after an error that leaves open whether the subscription was created
    /// ([`Error::Transport`], [`Error::Status`]). List the subscriptions before you try again.
    ///
    /// # Errors
    /// [`Error::UserErrors`] if Shopify rejects the subscription: an invalid address, a topic that the app's scopes do
    /// not cover, or a duplicate.
    pub async fn create_webhook_subscription(
        &self,
        topic: &str,
        new: &NewSubscription,
    ) -> Result<Subscription, Error> {
        use webhook_subscription_create as create;
        let variables = create::Variables {
            // `Other` serialises to its text, so it works for known and unknown topics.
            topic: create::WebhookSubscriptionTopic::Other(topic_constant(topic)),
            subscription: create::WebhookSubscriptionInput {
                uri: Some(new.uri.clone()),
                format: Some(create::WebhookSubscriptionFormat::JSON),
                include_fields: Some(new.include_fields.clone()),
                callback_url: None,
                filter: None,
                metafield_namespaces: None,
                metafields: None,
                name: None,
            },
        };
        let response = self.request::<WebhookSubscriptionCreate, _>(variables, RetryBudget::Full);
        let SingleField(payload): SingleField<MutationPayload<_>> = response.await?;
        payload.into_result("WebhookSubscriptionCreate")
    }

    /// Updates a subscription. Its topic cannot be changed.
    ///
    /// # Errors
    /// [`Error::UserErrors`] if Shopify rejects the request, for example because the subscription does not exist.
    pub async fn update_webhook_subscription(
        &self,
        id: &Gid,
        new: &NewSubscription,
    ) -> Result<Subscription, Error> {
        use webhook_subscription_update as update;
        let variables = update::Variables {
            id: id.to_string(),
            subscription: update::WebhookSubscriptionInput {
                uri: Some(new.uri.clone()),
                format: Some(update::WebhookSubscriptionFormat::JSON),
                // An empty list removes an earlier selection.
                include_fields: Some(new.include_fields.clone()),
                callback_url: None,
                filter: None,
                metafield_namespaces: None,
                metafields: None,
                name: None,
            },
        };
        let response = self.request::<WebhookSubscriptionUpdate, _>(variables, RetryBudget::Full);
        let SingleField(payload): SingleField<MutationPayload<_>> = response.await?;
        payload.into_result("WebhookSubscriptionUpdate")
    }

    /// Deletes a subscription.
    ///
    /// # Errors
    /// [`Error::UserErrors`] if Shopify rejects the request, for example because the subscription does not exist.
    pub async fn delete_webhook_subscription(&self, id: &Gid) -> Result<(), Error> {
        let variables = webhook_subscription_delete::Variables { id: id.to_string() };
        let response = self.request::<WebhookSubscriptionDelete, _>(variables, RetryBudget::Full);
        let SingleField(payload): SingleField<MutationPayload<String>> = response.await?;
        payload.into_result("WebhookSubscriptionDelete").map(drop)
    }
}
