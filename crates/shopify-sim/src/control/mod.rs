//! Controls a simulated shop: a merchant's changes, fault injection, and what the app did.

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

/// The control of one shop: changes its catalogue, injects faults, and reports requests and deliveries.
///
/// Events are announced to subscribers at once; [`settled`](Self::settled) waits until they have been delivered.
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

/// A mandatory compliance topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComplianceTopic {
    /// A customer requests their stored data.
    #[serde(rename = "customers/data_request")]
    CustomersDataRequest,
    /// A customer's data has to be deleted.
    #[serde(rename = "customers/redact")]
    CustomersRedact,
    /// The shop's data has to be deleted; Shopify sends it 48 hours after the app was uninstalled.
    #[serde(rename = "shop/redact")]
    ShopRedact,
}

impl ComplianceTopic {
    /// The value of the header `X-Shopify-Topic`.
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

    /// A control whose changes send no webhooks, as if every webhook were lost.
    #[must_use]
    pub fn without_webhooks(&self) -> Self {
        Self {
            shop: Arc::clone(&self.shop),
            without_webhooks: true,
        }
    }

    /// The whole catalogue, written directly from the model and ordered by ascending ids: `shop`, `locations`,
    /// `products`, `discounts`, `collections`. Tests compare copies with it.
    pub fn truth(&self) -> Value {
        self.shop.truth()
    }

    /// The same as JSON text; it needs far less memory for a large catalogue.
    pub fn truth_text(&self) -> String {
        self.shop.truth_text()
    }

    /// Changes the order of results wherever Shopify does not specify one; 0 restores the natural order.
    pub fn shuffle(&self, seed: u64) {
        self.shop.shuffle(seed);
    }

    /// The app's requests since the simulator started.
    pub fn calls(&self) -> CallCounts {
        self.shop.calls()
    }

    /// Completes when `enough` returns true for the app's requests, and returns them.
    pub async fn wait_for_calls(&self, enough: impl FnMut(&CallCounts) -> bool) -> CallCounts {
        self.shop.wait_for_calls(enough).await
    }

    /// Makes requests fail.
    ///
    /// # Errors
    /// If the fault is impossible, such as a failure with status 200.
    pub fn inject_fault(&self, fault: Fault) -> Result<(), ChangeError> {
        if let Some(problem) = fault.problem() {
            return Err(invalid("kind", problem));
        }
        self.shop.with_faults(|faults| faults.add(fault));
        Ok(())
    }

    /// The faults that are still to be injected, with their remaining counts.
    pub fn faults(&self) -> Vec<Fault> {
        self.shop.with_faults(|faults| faults.list())
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shop.with_faults(crate::fault::Faults::clear);
    }

    /// How the shop treats bulk operations.
    pub fn bulk_behaviour(&self) -> BulkBehaviour {
        self.shop.bulk_behaviour()
    }

    /// Changes how the shop treats bulk operations that are started from now on.
    pub fn set_bulk_behaviour(&self, behaviour: BulkBehaviour) {
        self.shop.set_bulk_behaviour(behaviour);
    }

    /// The queries and statuses of all bulk operations, such as `COMPLETED`, oldest first.
    pub fn bulk_operations(&self) -> Vec<(String, &'static str)> {
        self.shop.bulk_operations()
    }

    /// Completes the bulk operations that have not ended, including those that would never end. Returns their number.
    pub fn finish_bulk_operations(&self) -> usize {
        self.shop.finish_bulk_operations()
    }

    /// Drops the next `count` deliveries: they are never sent.
    pub fn drop_deliveries(&self, count: u32) {
        self.shop.delivery_queue().drop_next(count);
    }

    /// Sends each of the next `count` deliveries twice.
    pub fn duplicate_deliveries(&self, count: u32) {
        self.shop.delivery_queue().duplicate_next(count);
    }

    /// Holds new deliveries until they are released.
    pub fn hold_deliveries(&self) {
        self.shop.delivery_queue().hold();
    }

    /// Sends the held deliveries, oldest first.
    pub fn release_deliveries(&self) {
        self.shop.release(Release::InOrder);
    }

    /// Sends the held deliveries, newest first. They are sent concurrently, so the last one may still arrive first.
    pub fn release_deliveries_reversed(&self) {
        self.shop.release(Release::Reversed);
    }

    /// Sends the held deliveries, shuffled by `seed`.
    pub fn release_deliveries_shuffled(&self, seed: u64) {
        self.shop.release(Release::Shuffled(seed));
    }

    /// The deliveries so far, oldest first; at least the last 18,000.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shop.delivery_queue().deliveries()
    }

    /// Completes when no delivery is in flight or waiting for a retry.
    pub async fn settled(&self) {
        self.shop.delivery_queue().settled().await;
    }

    /// Sends an earlier delivery again, `times` times and unchanged.
    ///
    /// # Errors
    /// If there is no delivery with this id, or its body is no longer stored.
    pub fn redeliver(&self, webhook_id: &str, times: u32) -> Result<(), ChangeError> {
        let known = self.shop.redeliver(webhook_id, times);
        let problem =
            || format!("there is no delivery {webhook_id}, or its body is no longer stored");
        known
            .then_some(())
            .ok_or_else(|| invalid("webhook_id", problem()))
    }

    /// The topics and addresses of the app's subscriptions, such as `("products/update", "https://app.example/")`.
    pub fn subscriptions(&self) -> Vec<(String, String)> {
        let subscriptions = self.shop.subscriptions().into_iter();
        let lines = subscriptions.map(|each| (each.topic_path(), each.uri));
        lines.collect()
    }

    /// Issues a token for `scopes` that does not expire, as custom apps have.
    pub fn issue_token<S: Into<String>>(&self, scopes: impl IntoIterator<Item = S>) -> String {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        let granted = self
            .shop
            .grant_token(|grants, _| Ok(grants.issue_static(&scopes)));
        granted.map_or_else(|_| String::new(), |granted| granted.access_token)
    }

    /// Revokes all tokens and refresh tokens; the app stays installed.
    pub fn revoke_tokens(&self) {
        self.shop.with_grants(|grants, _| grants.revoke());
    }

    /// Uninstalls the app: revokes its tokens, announces `app/uninstalled` and deletes its subscriptions. Returns
    /// whether the app was installed. It can be installed again by the grant page.
    pub fn uninstall(&self) -> bool {
        self.shop.uninstall()
    }

    /// The app's scopes, if it is installed.
    pub fn installed_scopes(&self) -> Option<Vec<String>> {
        self.shop
            .with_grants(|grants, _| grants.installed().map(<[String]>::to_vec))
    }

    /// Sends a compliance webhook to `address`, which in reality the app's configuration names. Returns the delivery's
    /// id.
    ///
    /// # Errors
    /// If `address` is not an http or https URL.
    pub fn send_compliance_webhook(
        &self,
        topic: ComplianceTopic,
        address: &str,
    ) -> Result<String, ChangeError> {
        let url = url::Url::parse(address).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(invalid("address", "it is not an http or https URL"));
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

    /// The signed query that Shopify appends to the App URL when a merchant opens or installs the app: `shop`,
    /// `timestamp` and `host`.
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
