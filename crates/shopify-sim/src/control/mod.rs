//! What a merchant does in the admin, and what only a simulator can do.

mod catalog;
pub(crate) mod listing;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bulk::BulkBehaviour;
use crate::call_counts::CallCounts;
use crate::catalog::change::{ChangeError, invalid};
use crate::fault::Fault;
use crate::oauth::{encoded_host, signed_query};
use crate::shop::Shop;
use crate::webhook::{Delivery, Release};

/// The hands on one shop: changes its catalogue, breaks it, and tells what happened.
///
/// All that is announced to subscribers leaves at once; [`settled`](Self::settled) waits until it has arrived.
#[derive(Clone)]
pub struct ShopControl {
    pub(crate) shop: Arc<Shop>,
    without_webhooks: bool,
}

impl fmt::Debug for ShopControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShopControl")
            .field("shop", &self.shop.domain)
            .field("without_webhooks", &self.without_webhooks)
            .finish()
    }
}

/// A topic that Shopify's rules on privacy demand an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComplianceTopic {
    /// A customer wants to know what is stored about them.
    #[serde(rename = "customers/data_request")]
    CustomersDataRequest,
    /// A customer's data has to be deleted.
    #[serde(rename = "customers/redact")]
    CustomersRedact,
    /// The shop's data has to be deleted; comes 48 hours after the app was uninstalled.
    #[serde(rename = "shop/redact")]
    ShopRedact,
}

impl ComplianceTopic {
    /// As the header `X-Shopify-Topic` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomersDataRequest => "customers/data_request",
            Self::CustomersRedact => "customers/redact",
            Self::ShopRedact => "shop/redact",
        }
    }
}

impl ShopControl {
    pub(crate) fn new(shop: Arc<Shop>) -> Self {
        Self {
            shop,
            without_webhooks: false,
        }
    }

    /// The shop's domain, such as `example.myshopify.com`.
    pub fn domain(&self) -> &str {
        &self.shop.domain
    }

    /// A control whose changes are announced to nobody, as if every webhook were lost.
    #[must_use]
    pub fn without_webhooks(&self) -> Self {
        Self {
            shop: Arc::clone(&self.shop),
            without_webhooks: true,
        }
    }

    /// The whole catalogue straight from the model, by ascending ids: `shop`, `locations`, `products`, `discounts`,
    /// `collections`.
    pub fn truth(&self) -> Value {
        self.shop.truth()
    }

    /// The same as JSON text; for a large catalogue it takes far less memory.
    pub fn truth_text(&self) -> String {
        self.shop.truth_text()
    }

    /// Has the answers come in another order wherever Shopify promises none; 0 brings the natural order back.
    pub fn shuffle(&self, seed: u64) {
        self.shop.shuffle(seed);
    }

    /// What the app has asked for since the simulator started.
    pub fn calls(&self) -> CallCounts {
        self.shop.calls()
    }

    /// Resolves once what the app has asked for is enough for `enough`, and returns it.
    pub async fn wait_for_calls(&self, enough: impl FnMut(&CallCounts) -> bool) -> CallCounts {
        self.shop.wait_for_calls(enough).await
    }

    /// Has requests fail.
    ///
    /// # Errors
    /// If it cannot happen, such as a failure with status 200.
    pub fn inject_fault(&self, fault: Fault) -> Result<(), ChangeError> {
        if let Some(problem) = fault.problem() {
            return Err(invalid("kind", problem));
        }
        self.shop.with_faults(|faults| faults.add(fault));
        Ok(())
    }

    /// The faults that are still to happen, with what is left of their counts.
    pub fn faults(&self) -> Vec<Fault> {
        self.shop.with_faults(|faults| faults.list())
    }

    /// Has nothing fail any more.
    pub fn clear_faults(&self) {
        self.shop.with_faults(crate::fault::Faults::clear);
    }

    /// How the shop treats bulk operations.
    pub fn bulk_behaviour(&self) -> BulkBehaviour {
        self.shop.bulk_behaviour()
    }

    /// Has the shop treat bulk operations that are started from now on in another way.
    pub fn set_bulk_behaviour(&self, behaviour: BulkBehaviour) {
        self.shop.set_bulk_behaviour(behaviour);
    }

    /// The queries that were started in bulk and how far they are, such as `COMPLETED`, oldest first.
    pub fn bulk_operations(&self) -> Vec<(String, &'static str)> {
        self.shop.bulk_operations()
    }

    /// Completes the bulk operations that have not ended, also those that would never end. Returns how many these were.
    pub fn finish_bulk_operations(&self) -> usize {
        self.shop.finish_bulk_operations()
    }

    /// Loses the next `count` deliveries: they are never sent.
    pub fn drop_deliveries(&self, count: u32) {
        self.shop.delivery_queue().drop_next(count);
    }

    /// Sends each of the next `count` deliveries twice.
    pub fn duplicate_deliveries(&self, count: u32) {
        self.shop.delivery_queue().duplicate_next(count);
    }

    /// Withholds new deliveries until they are released.
    pub fn hold_deliveries(&self) {
        self.shop.delivery_queue().hold();
    }

    /// Sends what was withheld, oldest first.
    pub fn release_deliveries(&self) {
        self.shop.release(Release::InOrder);
    }

    /// Sends what was withheld, newest first. They are under way together, so the last may still overtake the first.
    pub fn release_deliveries_reversed(&self) {
        self.shop.release(Release::Reversed);
    }

    /// Sends what was withheld in an order that follows from `seed`.
    pub fn release_deliveries_shuffled(&self, seed: u64) {
        self.shop.release(Release::Shuffled(seed));
    }

    /// What was sent, oldest first; the last 18,000 at least.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shop.delivery_queue().deliveries()
    }

    /// Resolves when no delivery is under way or waits for a retry.
    pub async fn settled(&self) {
        self.shop.delivery_queue().settled().await;
    }

    /// Sends an earlier delivery `times` times more, as it was.
    ///
    /// # Errors
    /// If there is none of this id, or it is so long ago that its body is no longer kept.
    pub fn redeliver(&self, webhook_id: &str, times: u32) -> Result<(), ChangeError> {
        let known = self.shop.redeliver(webhook_id, times);
        let problem = || format!("no delivery {webhook_id} is remembered");
        known
            .then_some(())
            .ok_or_else(|| invalid("webhook_id", problem()))
    }

    /// The topics and addresses that the app has subscribed to, such as `("products/update", "https://app.example/")`.
    pub fn subscriptions(&self) -> Vec<(String, String)> {
        let subscriptions = self.shop.subscriptions().into_iter();
        let lines = subscriptions.map(|each| (each.topic_path(), each.uri));
        lines.collect()
    }

    /// A token for `scopes` that lasts until it is revoked, as custom apps have.
    pub fn issue_token<S: Into<String>>(&self, scopes: impl IntoIterator<Item = S>) -> String {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        let granted = self
            .shop
            .grant_token(|grants, _| Ok(grants.issue_static(&scopes)));
        granted.map_or_else(|_| String::new(), |granted| granted.access_token)
    }

    /// Ends all tokens and refresh tokens; the app stays installed.
    pub fn revoke_tokens(&self) {
        self.shop.with_grants(|grants, _| grants.revoke());
    }

    /// Ends the installation: tokens die at once, `app/uninstalled` is announced, subscriptions end. Tells whether the
    /// app was installed. It comes back by the grant page.
    pub fn uninstall(&self) -> bool {
        self.shop.uninstall()
    }

    /// The scopes the app has, if it is installed.
    pub fn installed_scopes(&self) -> Option<Vec<String>> {
        self.shop
            .with_grants(|grants, _| grants.installed().map(<[String]>::to_vec))
    }

    /// Sends a compliance topic to `address`, where the app's configuration would have it sent, and returns the
    /// delivery's id.
    ///
    /// # Errors
    /// If `address` is no http(s) URL.
    pub fn send_compliance_webhook(
        &self,
        topic: ComplianceTopic,
        address: &str,
    ) -> Result<String, ChangeError> {
        let url = url::Url::parse(address).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(invalid("address", "it is no http or https URL"));
        }
        let mut body = json!({
            "shop_id": self.shop.with_catalog(|catalog| catalog.shop.id),
            "shop_domain": self.domain(),
        });
        let customer = json!({"id": 191_167, "email": "john@example.com", "phone": "555-625-1199"});
        match topic {
            ComplianceTopic::CustomersDataRequest => {
                body["customer"] = customer;
                body["orders_requested"] = json!([299_938, 280_263, 220_458]);
                body["data_request"] = json!({"id": 9_999});
            }
            ComplianceTopic::CustomersRedact => {
                body["customer"] = customer;
                body["orders_to_redact"] = json!([299_938, 280_263, 220_458]);
            }
            ComplianceTopic::ShopRedact => {}
        }
        Ok(self
            .shop
            .send_compliance_webhook(topic.as_str(), address, &body))
    }

    /// What Shopify appends to the App URL when a merchant opens or installs the app: `shop`, `timestamp` and `host`,
    /// signed.
    pub fn install_query(&self) -> String {
        let shop = &self.shop;
        let parameters = vec![
            ("shop".to_owned(), shop.domain.clone()),
            ("timestamp".to_owned(), shop.now().timestamp().to_string()),
            ("host".to_owned(), encoded_host(&shop.domain)),
        ];
        signed_query(&shop.app().api_secret, parameters)
    }
}
