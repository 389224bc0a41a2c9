//! Lists the webhook topics and converts between their two spellings.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! topics {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A webhook topic: the topics of API version 2026-10 for catalogues, the app itself, bulk operations and
        /// privacy law, and any other by its name.
        ///
        /// Parsed from either spelling, that of deliveries (`products/update`) and that of the API (`PRODUCTS_UPDATE`);
        /// displayed and serialised in the former.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Topic {
            $($(#[$doc])+ $variant,)+
            /// Any other topic, as deliveries spell it. [`Topic::from`] never returns a known topic as `Other`.
            Other(String),
        }

        impl Topic {
            /// All topics except [`Topic::Other`].
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            fn known(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Returns the topic as deliveries spell it: `products/update`.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }
        }
    };
}

topics! {
    /// A product was created.
    ProductsCreate = "products/create",
    /// A product or one of its variants was changed, or ordered.
    ProductsUpdate = "products/update",
    /// A product was deleted.
    ProductsDelete = "products/delete",
    /// A variant can be bought again.
    VariantsInStock = "variants/in_stock",
    /// A variant is sold out.
    VariantsOutOfStock = "variants/out_of_stock",
    /// A product was listed in the app's sales channel.
    ProductListingsAdd = "product_listings/add",
    /// A product listed there was changed.
    ProductListingsUpdate = "product_listings/update",
    /// A product is no longer listed there.
    ProductListingsRemove = "product_listings/remove",
    /// A product is scheduled to be listed.
    ScheduledProductListingsAdd = "scheduled_product_listings/add",
    /// The scheduled time was changed.
    ScheduledProductListingsUpdate = "scheduled_product_listings/update",
    /// The scheduled listing was cancelled.
    ScheduledProductListingsRemove = "scheduled_product_listings/remove",
    /// A product was published.
    ProductPublicationsCreate = "product_publications/create",
    /// A product's publication was changed.
    ProductPublicationsUpdate = "product_publications/update",
    /// A product was unpublished.
    ProductPublicationsDelete = "product_publications/delete",
    /// A product feed was created.
    ProductFeedsCreate = "product_feeds/create",
    /// A product feed was changed.
    ProductFeedsUpdate = "product_feeds/update",
    /// A product is part of a feed's full synchronisation.
    ProductFeedsFullSync = "product_feeds/full_sync",
    /// A feed's full synchronisation has ended.
    ProductFeedsFullSyncFinish = "product_feeds/full_sync_finish",
    /// A product of a feed was changed.
    ProductFeedsIncrementalSync = "product_feeds/incremental_sync",
    /// A collection was created.
    CollectionsCreate = "collections/create",
    /// A collection was changed. Not sent when products enter or leave it because they changed.
    CollectionsUpdate = "collections/update",
    /// A collection was deleted.
    CollectionsDelete = "collections/delete",
    /// A collection was listed in the app's sales channel.
    CollectionListingsAdd = "collection_listings/add",
    /// A collection listed there was changed.
    CollectionListingsUpdate = "collection_listings/update",
    /// A collection is no longer listed there.
    CollectionListingsRemove = "collection_listings/remove",
    /// A collection was published.
    CollectionPublicationsCreate = "collection_publications/create",
    /// A collection's publication was changed.
    CollectionPublicationsUpdate = "collection_publications/update",
    /// A collection was unpublished.
    CollectionPublicationsDelete = "collection_publications/delete",
    /// An inventory item was created.
    InventoryItemsCreate = "inventory_items/create",
    /// An inventory item was changed.
    InventoryItemsUpdate = "inventory_items/update",
    /// An inventory item was deleted.
    InventoryItemsDelete = "inventory_items/delete",
    /// An inventory item is stocked at another location.
    InventoryLevelsConnect = "inventory_levels/connect",
    /// A quantity was changed.
    InventoryLevelsUpdate = "inventory_levels/update",
    /// An inventory item is no longer stocked at a location.
    InventoryLevelsDisconnect = "inventory_levels/disconnect",
    /// A location was created.
    LocationsCreate = "locations/create",
    /// A location was changed.
    LocationsUpdate = "locations/update",
    /// A location was activated.
    LocationsActivate = "locations/activate",
    /// A location was deactivated.
    LocationsDeactivate = "locations/deactivate",
    /// A location was deleted.
    LocationsDelete = "locations/delete",
    /// A discount was created.
    DiscountsCreate = "discounts/create",
    /// A discount was changed.
    DiscountsUpdate = "discounts/update",
    /// A discount was deleted.
    DiscountsDelete = "discounts/delete",
    /// A code was added to a discount.
    DiscountsRedeemcodeAdded = "discounts/redeemcode_added",
    /// A code was removed from a discount.
    DiscountsRedeemcodeRemoved = "discounts/redeemcode_removed",
    /// A metafield definition was created.
    MetafieldDefinitionsCreate = "metafield_definitions/create",
    /// A metafield definition was changed.
    MetafieldDefinitionsUpdate = "metafield_definitions/update",
    /// A metafield definition was deleted.
    MetafieldDefinitionsDelete = "metafield_definitions/delete",
    /// A metaobject was created.
    MetaobjectsCreate = "metaobjects/create",
    /// A metaobject was changed.
    MetaobjectsUpdate = "metaobjects/update",
    /// A metaobject was deleted.
    MetaobjectsDelete = "metaobjects/delete",
    /// A selling plan group was created.
    SellingPlanGroupsCreate = "selling_plan_groups/create",
    /// A selling plan group was changed.
    SellingPlanGroupsUpdate = "selling_plan_groups/update",
    /// A selling plan group was deleted.
    SellingPlanGroupsDelete = "selling_plan_groups/delete",
    /// A market was created.
    MarketsCreate = "markets/create",
    /// A market was changed.
    MarketsUpdate = "markets/update",
    /// A market was deleted.
    MarketsDelete = "markets/delete",
    /// The shop's own settings were changed.
    ShopUpdate = "shop/update",
    /// A domain was added.
    DomainsCreate = "domains/create",
    /// A domain was changed.
    DomainsUpdate = "domains/update",
    /// A domain was removed.
    DomainsDestroy = "domains/destroy",
    /// A sales channel was removed.
    ChannelsDelete = "channels/delete",
    /// The app was uninstalled: its tokens are no longer valid.
    AppUninstalled = "app/uninstalled",
    /// The scopes granted to the app were changed.
    AppScopesUpdate = "app/scopes_update",
    /// An app subscription was changed.
    AppSubscriptionsUpdate = "app_subscriptions/update",
    /// An app subscription has used most of its capped amount.
    AppSubscriptionsApproachingCappedAmount = "app_subscriptions/approaching_capped_amount",
    /// A one-time purchase was changed.
    AppPurchasesOneTimeUpdate = "app_purchases_one_time/update",
    /// A bulk operation has ended, successfully or not.
    BulkOperationsFinish = "bulk_operations/finish",
    /// A customer requests the data stored about them. Compliance: set in the app's configuration only.
    CustomersDataRequest = "customers/data_request",
    /// A customer's data are to be erased. Compliance: set in the app's configuration only.
    CustomersRedact = "customers/redact",
    /// The shop's data are to be erased, 48 hours after the app was uninstalled. Compliance: set in the app's
    /// configuration only.
    ShopRedact = "shop/redact",
}

impl Topic {
    /// Returns the topic as the API spells it: `PRODUCTS_UPDATE`. The compliance topics do not exist in the API.
    pub fn constant(&self) -> String {
        topic_constant(self.as_str())
    }

    /// Whether it is a compliance topic, required by privacy law. Such topics are subscribed to in the app's
    /// configuration only, and a delivery with a wrong signature requires a 401 response.
    pub fn is_compliance(&self) -> bool {
        matches!(
            self,
            Self::CustomersDataRequest | Self::CustomersRedact | Self::ShopRedact
        )
    }
}

impl From<&str> for Topic {
    fn from(text: &str) -> Self {
        let is_constant = !text.contains(['/', '.']) && !text.contains(char::is_lowercase);
        let name = if is_constant {
            topic_name(text)
        } else {
            text.to_ascii_lowercase()
        };
        Self::known(&name).unwrap_or(Self::Other(name))
    }
}

impl From<String> for Topic {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::Other(name) => name,
            known => known.as_str().to_owned(),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Converts a topic to the API's spelling: `products/update` to `PRODUCTS_UPDATE`. Unknown topics are converted too.
pub fn topic_constant(topic: &str) -> String {
    topic.to_ascii_uppercase().replace(['/', '.'], "_")
}

/// Converts a topic from the API's spelling to that of deliveries: `PRODUCTS_UPDATE` to `products/update`.
///
/// An underscore may stand for a slash or for itself, so the resources with an underscore in their name are listed
/// here. In an unknown topic, the first underscore becomes the slash.
pub fn topic_name(constant: &str) -> String {
    let name = constant.to_ascii_lowercase();
    let known = UNDERSCORED_RESOURCES.iter().filter(|resource| {
        let rest = name.strip_prefix(**resource);
        rest.is_some_and(|rest| rest.starts_with('_'))
    });
    let longest = known.map(|resource| resource.len()).max();
    match longest.or_else(|| name.find('_')) {
        // The topics of this resource are spelled with a dot.
        Some(dot) if &name[..dot] == "customer" => name.replacen('_', ".", 1),
        Some(slash) => format!("{}/{}", &name[..slash], &name[slash + 1..]),
        None => name,
    }
}

/// The resources of API version 2026-10 that have an underscore in their name.
const UNDERSCORED_RESOURCES: &[&str] = &[
    "app_purchases_one_time",
    "app_subscriptions",
    "audit_events",
    "bulk_operations",
    "collection_listings",
    "collection_publications",
    "company_contact_roles",
    "company_contacts",
    "company_locations",
    "customer_account_settings",
    "customer_groups",
    "customer_payment_methods",
    "customers_email_marketing_consent",
    "customers_marketing_consent",
    "customers_whats_app_marketing_consent",
    "delivery_promise_settings",
    "draft_orders",
    "finance_app_staff_member",
    "finance_kyc_information",
    "fulfillment_events",
    "fulfillment_holds",
    "fulfillment_orders",
    "inventory_items",
    "inventory_levels",
    "inventory_shipments",
    "inventory_transfers",
    "markets_backup_region",
    "metafield_definitions",
    "order_transactions",
    "payment_schedules",
    "payment_terms",
    "product_feeds",
    "product_listings",
    "product_publications",
    "reverse_deliveries",
    "reverse_fulfillment_orders",
    "scheduled_product_listings",
    "selling_plan_groups",
    "shipping_addresses",
    "subscription_billing_attempts",
    "subscription_billing_cycle_edits",
    "subscription_billing_cycles",
    "subscription_contracts",
    "tax_services",
    "tender_transactions",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The topics of the API.
    fn api_topics() -> HashSet<&'static str> {
        let schema = include_str!("../../schema/admin-2026-10.graphql");
        let (_, rest) = schema
            .split_once("enum WebhookSubscriptionTopic {")
            .unwrap();
        let (values, _) = rest.split_once('}').unwrap();
        let words = values
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        words.collect()
    }

    #[test]
    fn the_topics_are_those_api_topics_and_the_three_of_privacy_law() {
        let api = api_topics();
        assert_eq!(api.len(), 218);
        for topic in Topic::KNOWN {
            let constant = topic.constant();
            assert_ne!(
                api.contains(constant.as_str()),
                topic.is_compliance(),
                "{topic}"
            );
        }
        let unique: HashSet<_> = Topic::KNOWN.iter().collect();
        assert_eq!(unique.len(), Topic::KNOWN.len());
    }

    #[test]
    fn every_topic_api_topics_is_the_same_in_both_spellings() {
        for constant in api_topics() {
            let topic = Topic::from(constant);
            assert_eq!(topic.constant(), constant);
            assert_eq!(Topic::from(topic.as_str()), topic);
        }
    }

    #[test]
    fn a_topic_is_read_from_either_spelling() {
        for text in ["products/update", "PRODUCTS_UPDATE", "Products/Update"] {
            assert_eq!(Topic::from(text), Topic::ProductsUpdate);
        }
        assert_eq!(Topic::from("CUSTOMERS_REDACT"), Topic::CustomersRedact);
        assert_eq!(
            Topic::from("DRAGONS_HATCH_TWICE"),
            Topic::Other("dragons/hatch_twice".to_owned())
        );
        for topic in Topic::KNOWN.iter().chain([&Topic::from("dragons/hatch")]) {
            let json = serde_json::to_string(topic).unwrap();
            assert_eq!(json, format!("\"{topic}\""));
            assert_eq!(&serde_json::from_str::<Topic>(&json).unwrap(), topic);
        }
    }

    #[test]
    fn topics_have_two_names() {
        for (name, constant) in [
            ("products/update", "PRODUCTS_UPDATE"),
            ("inventory_levels/connect", "INVENTORY_LEVELS_CONNECT"),
            ("discounts/redeemcode_added", "DISCOUNTS_REDEEMCODE_ADDED"),
            ("app/scopes_update", "APP_SCOPES_UPDATE"),
            ("app_subscriptions/update", "APP_SUBSCRIPTIONS_UPDATE"),
            ("bulk_operations/finish", "BULK_OPERATIONS_FINISH"),
            (
                "subscription_billing_cycle_edits/create",
                "SUBSCRIPTION_BILLING_CYCLE_EDITS_CREATE",
            ),
            ("customer.joined_segment", "CUSTOMER_JOINED_SEGMENT"),
            ("dragons/hatch_twice", "DRAGONS_HATCH_TWICE"),
            ("", ""),
            ("dragons", "DRAGONS"),
        ] {
            assert_eq!(topic_constant(name), constant);
            assert_eq!(topic_name(constant), name);
        }
    }
}
